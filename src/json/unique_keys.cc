#include "json/unique_keys.h"

#include <set>
#include <string>
#include <vector>

#include <boost/json/basic_parser_impl.hpp>

namespace holdfast::json {
namespace {

// Hears of every part of a text, and keeps the names of the objects that are open.
class NameListener {
 public:
  static constexpr std::size_t max_object_size = ~std::size_t{0};
  static constexpr std::size_t max_array_size = ~std::size_t{0};
  static constexpr std::size_t max_key_size = ~std::size_t{0};
  static constexpr std::size_t max_string_size = ~std::size_t{0};

  bool has_double() const { return has_double_; }

  bool on_object_begin(boost::system::error_code&) { return Open(); }
  bool on_object_end(std::size_t, boost::system::error_code&) {
    open_.pop_back();
    return true;
  }
  bool on_key_part(std::string_view part, std::size_t, boost::system::error_code&) {
    name_ += part;
    return true;
  }
  bool on_key(std::string_view part, std::size_t, boost::system::error_code&) {
    name_ += part;
    if (!open_.back().insert(std::move(name_)).second) has_double_ = true;
    name_.clear();
    return true;
  }
  bool on_document_begin(boost::system::error_code&) { return true; }
  bool on_document_end(boost::system::error_code&) { return true; }
  bool on_array_begin(boost::system::error_code&) { return true; }
  bool on_array_end(std::size_t, boost::system::error_code&) { return true; }
  bool on_string_part(std::string_view, std::size_t, boost::system::error_code&) { return true; }
  bool on_string(std::string_view, std::size_t, boost::system::error_code&) { return true; }
  bool on_number_part(std::string_view, boost::system::error_code&) { return true; }
  bool on_int64(std::int64_t, std::string_view, boost::system::error_code&) { return true; }
  bool on_uint64(std::uint64_t, std::string_view, boost::system::error_code&) { return true; }
  bool on_double(double, std::string_view, boost::system::error_code&) { return true; }
  bool on_bool(bool, boost::system::error_code&) { return true; }
  bool on_null(boost::system::error_code&) { return true; }
  bool on_comment_part(std::string_view, boost::system::error_code&) { return true; }
  bool on_comment(std::string_view, boost::system::error_code&) { return true; }

 private:
  bool Open() {
    open_.emplace_back();
    return true;
  }

  std::vector<std::set<std::string>> open_;
  std::string name_;
  bool has_double_ = false;
};

}  // namespace

Result<Value> ParseUnique(std::string_view text, const Limits& limits) {
  TRY_ASSIGN(Value value, Parse(text, limits));
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  boost::json::parse_options options;
  options.max_depth = limits.depth_max;
  boost::json::basic_parser<NameListener> parser(options);
  boost::system::error_code error;
  parser.write_some(false, text.data(), text.size(), error);
  if (error || parser.handler().has_double()) {
    return Fail(ErrorCode::kInvalidArgument, "JSON with two members of one name");
  }
  return value;
}

}  // namespace holdfast::json
