// JSON: what parses must come back the same after being written and parsed again.
#include "json/json.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "base/check.h"
#include "fuzz/input.h"

namespace holdfast::fuzz {
namespace {

// Numbers with many digits are read within a few units in the last place, not exactly.
bool IsSameNumber(double a, double b) {
  return a == b || std::abs(a - b) <= 1e-12 * std::max(std::abs(a), std::abs(b));
}

bool IsSame(const json::Value& a, const json::Value& b) {
  if (a.is_number() && b.is_number())
    return IsSameNumber(a.to_number<double>(), b.to_number<double>());
  if (a.kind() != b.kind()) return false;
  if (a.is_array()) {
    return std::ranges::equal(a.get_array(), b.get_array(), IsSame);
  }
  if (a.is_object()) {
    const json::Object& left = a.get_object();
    if (left.size() != b.get_object().size()) return false;
    return std::ranges::all_of(left, [&](const auto& member) {
      const json::Value* other = json::Find(b.get_object(), member.key());
      return other != nullptr && IsSame(member.value(), *other);
    });
  }
  return a == b;
}

}  // namespace
}  // namespace holdfast::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace holdfast;
  const std::string_view text = fuzz::Input(data, size).rest();
  const auto value = json::Parse(text, {.text_bytes_max = 64 << 10, .depth_max = 32});
  if (!value) return 0;
  const std::string written = json::Write(*value);
  // Numbers may be longer written than read, so no limit but the depth here.
  const auto again = json::Parse(written, {.text_bytes_max = 64 << 20, .depth_max = 32});
  CHECK(again.has_value());
  CHECK(fuzz::IsSame(*value, *again));
  if (value->is_object()) {
    const json::Object& object = value->get_object();
    for (const auto& [key, member] : object) {
      CHECK(json::Find(object, key) != nullptr);
      (void)json::IntOr(object, key, 0, -100, 100);
      (void)json::NumberOr(object, key, 0);
      (void)json::BoolOr(object, key, false);
      (void)json::StringOr(object, key, "");
      (void)json::RequireArray(object, key, 10);
      (void)json::RequireObject(object, key);
    }
  }
  return 0;
}
