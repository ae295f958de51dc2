#include "net/self_signed.h"

#include <algorithm>
#include <cctype>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <unistd.h>

#include "net/address.h"

namespace holdfast::net {
namespace {

constexpr std::size_t kNameBytesMax = 253;  // RFC 1035, section 2.3.4, without the last dot.
constexpr std::size_t kLabelBytesMax = 63;
constexpr std::size_t kCommonNameBytesMax = 64;  // RFC 5280, ub-common-name.
constexpr std::size_t kSerialBytes = 16;
constexpr long kVersion3 = 2;

template <auto kFree>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    kFree(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;
using Extension = std::unique_ptr<X509_EXTENSION, Freed<X509_EXTENSION_free>>;
using Number = std::unique_ptr<BIGNUM, Freed<BN_free>>;
using Bytes = std::unique_ptr<BIO, Freed<BIO_free>>;

bool IsLabel(std::string_view label) {
  const auto is_inner = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-';
  };
  return !label.empty() && label.size() <= kLabelBytesMax && label.front() != '-' &&
         label.back() != '-' && std::ranges::all_of(label, is_inner);
}

bool IsHostName(std::string_view name) {
  if (name.size() > kNameBytesMax) return false;
  if (name.starts_with("*.")) name.remove_prefix(2);
  while (true) {
    const std::size_t dot = name.find('.');
    if (!IsLabel(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

// As OpenSSL reads it; no name that passes has a character that means something there.
Result<std::string> AlternativeName(const std::string& name) {
  if (Address::Parse(name)) return "IP:" + name;
  if (IsHostName(name)) return "DNS:" + name;
  return Fail(ErrorCode::kInvalidArgument, "'{}' is no host name and no address", name);
}

Result<std::string> AlternativeNames(std::vector<std::string> names) {
  if (names.size() > kSelfSignedNamesMax) {
    return Fail(ErrorCode::kTooLarge, "{} names, over the limit of {}", names.size(),
                kSelfSignedNamesMax);
  }
  for (const char* own : {"localhost", "127.0.0.1", "::1"}) {
    if (std::ranges::find(names, own) == names.end()) names.emplace_back(own);
  }
  std::vector<std::string> texts;
  for (const std::string& name : names) {
    TRY_ASSIGN(std::string text, AlternativeName(name));
    texts.push_back(std::move(text));
  }
  return fmt::format("{}", fmt::join(texts, ","));
}

bool Extend(X509* certificate, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  const Extension extension(X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str()));
  return extension != nullptr && X509_add_ext(certificate, extension.get(), -1) == 1;
}

bool SetRandomSerial(X509* certificate) {
  unsigned char bytes[kSerialBytes];
  if (RAND_bytes(bytes, sizeof bytes) != 1) return false;
  bytes[0] &= 0x7F;  // A positive number.
  const Number number(BN_bin2bn(bytes, sizeof bytes, nullptr));
  return number != nullptr &&
         BN_to_ASN1_INTEGER(number.get(), X509_get_serialNumber(certificate)) != nullptr;
}

bool SetName(X509* certificate, const std::string& name) {
  X509_NAME* const subject = X509_get_subject_name(certificate);
  const auto* const bytes = reinterpret_cast<const unsigned char*>(name.c_str());
  return X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, bytes, -1, -1, 0) == 1 &&
         X509_set_issuer_name(certificate, subject) == 1;
}

Certificate Sign(EVP_PKEY* key, const std::string& common_name, const std::string& names,
                 std::time_t now) {
  Certificate made(X509_new());
  X509* const x509 = made.get();
  const bool is_made =
      x509 != nullptr && X509_set_version(x509, kVersion3) == 1 && SetRandomSerial(x509) &&
      SetName(x509, common_name) &&
      X509_time_adj_ex(X509_getm_notBefore(x509), 0, 0, &now) != nullptr &&
      X509_time_adj_ex(X509_getm_notAfter(x509), kSelfSignedDays, 0, &now) != nullptr &&
      X509_set_pubkey(x509, key) == 1 && Extend(x509, NID_basic_constraints, "critical,CA:FALSE") &&
      Extend(x509, NID_key_usage, "critical,digitalSignature") &&
      Extend(x509, NID_ext_key_usage, "serverAuth") &&
      Extend(x509, NID_subject_key_identifier, "hash") &&
      Extend(x509, NID_subject_alt_name, names) && X509_sign(x509, key, EVP_sha256()) > 0;
  return is_made ? std::move(made) : nullptr;
}

// Overwrites nothing. Who makes only one of two files takes it away again.
Result<void> WriteNew(const std::filesystem::path& path, BIO* pem, mode_t mode) {
  char* bytes = nullptr;
  const long count = BIO_get_mem_data(pem, &bytes);
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (file < 0) return Fail(ErrnoError("make " + path.string()));
  const bool is_written =
      ::write(file, bytes, static_cast<std::size_t>(count)) == count && ::fsync(file) == 0;
  const Error error = ErrnoError("write " + path.string());
  ::close(file);
  if (is_written) return {};
  ::unlink(path.c_str());
  return Fail(error);
}

}  // namespace

Result<SelfSignedFiles> WriteSelfSigned(const std::filesystem::path& folder,
                                        const std::vector<std::string>& names, std::time_t now) {
  TRY_ASSIGN(const std::string alternative_names, AlternativeNames(names));
  const bool has_short_name = !names.empty() && names.front().size() <= kCommonNameBytesMax;
  const Key key(EVP_EC_gen("P-256"));
  const Certificate certificate =
      key == nullptr
          ? nullptr
          : Sign(key.get(), has_short_name ? names.front() : "localhost", alternative_names, now);
  // Secure: its memory is wiped.
  const Bytes key_text(BIO_new(BIO_s_secmem())), certificate_text(BIO_new(BIO_s_mem()));
  const bool is_made = certificate != nullptr && key_text != nullptr &&
                       certificate_text != nullptr &&
                       PEM_write_bio_PKCS8PrivateKey(key_text.get(), key.get(), nullptr, nullptr, 0,
                                                     nullptr, nullptr) == 1 &&
                       PEM_write_bio_X509(certificate_text.get(), certificate.get()) == 1;
  if (!is_made) return Fail(ErrorCode::kInternal, "OpenSSL makes no certificate");
  const SelfSignedFiles files{.certificate = folder / "certificate.pem",
                              .key = folder / "certificate.key"};
  TRY(WriteNew(files.key, key_text.get(), 0600));
  const Result<void> written = WriteNew(files.certificate, certificate_text.get(), 0644);
  if (written) return files;
  ::unlink(files.key.c_str());
  return Fail(written.error());
}

}  // namespace holdfast::net
