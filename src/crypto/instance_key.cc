#include "crypto/instance_key.h"

#include <array>
#include <charconv>
#include <cstdlib>

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>

#include "base/check.h"
#include "crypto/encoding.h"
#include "crypto/owned_file.h"
#include "crypto/random.h"

namespace holdfast::crypto {
namespace {

constexpr std::string_view kTitle = "Holdfast instance key, sealed with a passphrase";
constexpr std::string_view kAdvice =
    "Keep it apart from the data. Without the key nothing that was stored can be read.";
constexpr int kVersion = 1;

// systemd gives the file to root or to the unit's user, and to the unit by an access list, which
// shows as the group's right to read. Others never have one.
Result<DataKey> LoadCredential(const std::filesystem::path& path) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file.is_open()) return Fail(ErrnoError("open " + path.string()));
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return Fail(ErrnoError("stat " + path.string()));
  if (!S_ISREG(status.st_mode)) {
    return Fail(ErrorCode::kCorrupt, "{}: not a plain file", path.string());
  }
  if ((status.st_mode & 07) != 0) {
    return Fail(ErrorCode::kPermissionDenied, "{}: everybody may read or change this credential",
                path.string());
  }
  std::array<std::byte, DataKey::kBytes> bytes{};
  TRY(ReadExactly(file.number(), path, bytes));
  DataKey key = DataKey::FromBytes(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  return key;
}

// The fields of an export, as they stand in it.
struct Export {
  std::string_view version, key_id, memory, passes, salt, sealed;
};

// Everything above the sealed key, which is bound to it.
std::string Header(std::string_view key_id, const PasswordCost& cost, std::string_view salt) {
  return fmt::format(
      "{}\n{}\nversion: {}\nkey-id: {}\nargon2id-memory-kib: {}\n"
      "argon2id-passes: {}\nsalt: {}\n",
      kTitle, kAdvice, kVersion, key_id, cost.memlimit >> 10, cost.opslimit, salt);
}

// Takes one line that begins with `name` off the front.
std::optional<std::string_view> TakeLine(std::string_view& text, std::string_view name) {
  const std::size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (!line.starts_with(name)) return std::nullopt;
  return line.substr(name.size());
}

std::optional<Export> ParseExport(std::string_view text) {
  const auto title = TakeLine(text, kTitle);
  if (!title || !TakeLine(text, "")) return std::nullopt;
  const auto version = TakeLine(text, "version: ");
  const auto key_id = TakeLine(text, "key-id: ");
  const auto memory = TakeLine(text, "argon2id-memory-kib: ");
  const auto passes = TakeLine(text, "argon2id-passes: ");
  const auto salt = TakeLine(text, "salt: ");
  const auto sealed = TakeLine(text, "sealed: ");
  if (!version) return std::nullopt;
  // A later version may have other lines below its number; they are left empty.
  return Export{.version = *version,
                .key_id = key_id.value_or(""),
                .memory = memory.value_or(""),
                .passes = passes.value_or(""),
                .salt = salt.value_or(""),
                .sealed = sealed.value_or("")};
}

std::optional<std::uint64_t> ParseNumber(std::string_view text, std::uint64_t max) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number > max) return std::nullopt;
  return number;
}

}  // namespace

std::optional<std::filesystem::path> CredentialsFolder() {
  const char* const folder = std::getenv("CREDENTIALS_DIRECTORY");
  if (folder == nullptr || *folder == '\0') return std::nullopt;
  return folder;
}

Result<DataKey> LoadOrMakeInstanceKey(
    const std::filesystem::path& path,
    const std::optional<std::filesystem::path>& credentials_folder) {
  if (credentials_folder) {
    Result<DataKey> key = LoadCredential(*credentials_folder / kInstanceKeyCredential);
    if (key || key.error().code != ErrorCode::kNotFound) return key;
  }
  std::array<std::byte, DataKey::kBytes> bytes{};
  TRY(LoadOrMakeRandom(path, bytes));
  DataKey key = DataKey::FromBytes(bytes);
  sodium_memzero(bytes.data(), bytes.size());
  return key;
}

Result<std::string> ExportInstanceKey(const DataKey& key, const Secret& passphrase,
                                      const PasswordCost& cost) {
  if (passphrase.empty()) return Fail(ErrorCode::kInvalidArgument, "an export needs a passphrase");
  const std::string salt = RandomBytes(kPassphraseSaltBytes);
  TRY_ASSIGN(const DataKey wrapping, DeriveKey(passphrase, salt, cost));
  const std::string header = Header(EncodeHex(KeyId(key)), cost, EncodeBase64(salt));
  return header + "sealed: " + EncodeBase64(SealKey(wrapping, key, header)) + "\n";
}

Result<DataKey> ImportInstanceKey(std::string_view text, const Secret& passphrase) {
  const Error corrupt =
      MakeError(ErrorCode::kCorrupt, "not an export of an instance key, or a damaged one");
  if (text.size() > kInstanceKeyExportBytesMax) return Fail(corrupt);
  const std::optional<Export> parsed = ParseExport(text);
  if (!parsed) return Fail(corrupt);
  if (parsed->version != std::to_string(kVersion)) {
    return Fail(ErrorCode::kUnsupported, "an export of an instance key of another version than {}",
                kVersion);
  }
  const auto memory_kib = ParseNumber(parsed->memory, kPasswordMemoryMax >> 10);
  const auto passes = ParseNumber(parsed->passes, kPasswordPassesMax);
  const auto salt = DecodeBase64(parsed->salt);
  const auto sealed = DecodeBase64(parsed->sealed);
  const bool is_whole = memory_kib && passes && salt && salt->size() == kPassphraseSaltBytes &&
                        sealed && sealed->size() == kSealedKeyBytes;
  if (!is_whole) return Fail(corrupt);
  const PasswordCost cost{.opslimit = *passes, .memlimit = *memory_kib << 10};
  const Result<DataKey> wrapping = DeriveKey(passphrase, *salt, cost);
  if (!wrapping && wrapping.error().code == ErrorCode::kOutOfRange) return Fail(corrupt);
  if (!wrapping) return Fail(wrapping.error());
  Result<DataKey> key = OpenKey(*wrapping, *sealed, Header(parsed->key_id, cost, parsed->salt));
  if (key) return key;
  return Fail(ErrorCode::kPermissionDenied,
              "the passphrase does not fit this export, or something in it was changed");
}

Result<void> PlaceInstanceKey(const std::filesystem::path& path, const DataKey& key) {
  return MakeOwned(path, {reinterpret_cast<const char*>(key.Reveal().data()), DataKey::kBytes});
}

}  // namespace holdfast::crypto
