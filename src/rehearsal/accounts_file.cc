#include "rehearsal/accounts_file.h"

#include <fstream>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include "json/json.h"

namespace holdfast::rehearsal {
namespace {

constexpr std::size_t kFileBytesMax = 32 << 20;
constexpr std::size_t kKeyBytesMax = 512;

}  // namespace

Result<Accounts> ReadAccounts(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Fail(ErrnoError(path.string()));
  const std::string text((std::istreambuf_iterator<char>(file)), {});
  TRY_ASSIGN(const json::Value value,
             json::Parse(text, {.text_bytes_max = kFileBytesMax, .depth_max = 4}));
  if (!value.is_object()) {
    return Fail(ErrorCode::kInvalidArgument, "{}: must be an object", path.string());
  }
  const json::Object& object = value.get_object();
  Accounts accounts;
  if (json::Find(object, "keys") != nullptr) {
    TRY_ASSIGN(const json::Array* const keys, json::RequireArray(object, "keys", kAccountsMax));
    for (const json::Value& key : *keys) {
      if (!key.is_string() || key.get_string().size() > kKeyBytesMax) {
        return Fail(ErrorCode::kInvalidArgument, "{}: 'keys' must be strings", path.string());
      }
      accounts.keys.emplace_back(key.get_string());
    }
  }
  if (json::Find(object, "people") != nullptr) {
    TRY_ASSIGN(const json::Array* const people, json::RequireArray(object, "people", kAccountsMax));
    for (const json::Value& person : *people) {
      if (!person.is_object()) {
        return Fail(ErrorCode::kInvalidArgument, "{}: 'people' must be objects", path.string());
      }
      TRY_ASSIGN(std::string name, json::RequireString(person.get_object(), "name"));
      TRY_ASSIGN(std::string password, json::RequireString(person.get_object(), "password"));
      TRY_ASSIGN(std::string cookie, json::StringOr(person.get_object(), "cookie", ""));
      accounts.people.push_back({std::move(name), std::move(password), std::move(cookie)});
    }
  }
  return accounts;
}

Result<void> WriteAccounts(const std::filesystem::path& path, const Accounts& accounts) {
  json::Array keys;
  for (const std::string& key : accounts.keys) keys.emplace_back(key);
  json::Array people;
  for (const Person& person : accounts.people) {
    people.push_back(json::Object{
        {"name", person.name}, {"password", person.password}, {"cookie", person.cookie}});
  }
  const std::string text =
      json::Write(json::Object{{"keys", std::move(keys)}, {"people", std::move(people)}});
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Fail(ErrnoError(path.string()));
  const ssize_t count = ::write(file, text.data(), text.size());
  const bool is_written = ::close(file) == 0 && count == static_cast<ssize_t>(text.size());
  if (!is_written) return Fail(ErrnoError(path.string()));
  return {};
}

}  // namespace holdfast::rehearsal
