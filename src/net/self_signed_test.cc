#include "net/self_signed.h"

#include <cstdio>
#include <fstream>
#include <iterator>

#include <gtest/gtest.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#include "net/tls.h"

namespace holdfast::net {
namespace {

constexpr std::time_t kNow = 1'800'000'000;

class SelfSignedTest : public ::testing::Test {
 protected:
  SelfSignedTest() {
    char pattern[] = "/tmp/holdfast-self-signed-XXXXXX";
    folder_ = ::mkdtemp(pattern);
  }
  ~SelfSignedTest() override {
    X509_free(certificate_);
    std::filesystem::remove_all(folder_);
  }

  SelfSignedFiles Write(const std::vector<std::string>& names) {
    const auto files = WriteSelfSigned(folder_, names, kNow);
    EXPECT_TRUE(files) << files.error().message;
    std::FILE* const file = std::fopen(files->certificate.c_str(), "r");
    certificate_ = PEM_read_X509(file, nullptr, nullptr, nullptr);
    std::fclose(file);
    EXPECT_NE(certificate_, nullptr);
    return *files;
  }
  bool IsFor(const char* host) const {
    return X509_check_host(certificate_, host, 0, 0, nullptr) == 1;
  }
  bool IsForAddress(const char* address) const {
    return X509_check_ip_asc(certificate_, address, 0) == 1;
  }
  ErrorCode Refused(const std::vector<std::string>& names) const {
    const auto files = WriteSelfSigned(folder_, names, kNow);
    EXPECT_TRUE(std::filesystem::is_empty(folder_));
    return files ? ErrorCode::kInternal : files.error().code;
  }

  std::filesystem::path folder_;
  X509* certificate_ = nullptr;
};

TEST_F(SelfSignedTest, IsForItsNamesAndThisMachine) {
  Write({"chat.example", "*.lan.example", "192.168.1.7", "fd00::7"});
  for (const char* host : {"chat.example", "a.lan.example", "localhost"}) {
    EXPECT_TRUE(IsFor(host)) << host;
  }
  for (const char* address : {"192.168.1.7", "fd00::7", "127.0.0.1", "::1"}) {
    EXPECT_TRUE(IsForAddress(address)) << address;
  }
  EXPECT_FALSE(IsFor("other.example"));
  EXPECT_FALSE(IsForAddress("192.168.1.8"));
}

TEST_F(SelfSignedTest, IsValidForItsDaysAndSignedByItself) {
  Write({});
  const auto is_valid_at = [&](std::time_t time) {
    return X509_cmp_time(X509_get0_notBefore(certificate_), &time) < 0 &&
           X509_cmp_time(X509_get0_notAfter(certificate_), &time) > 0;
  };
  constexpr std::time_t kDay = 24 * 3'600;
  EXPECT_FALSE(is_valid_at(kNow - 1));
  EXPECT_TRUE(is_valid_at(kNow + 1));
  EXPECT_TRUE(is_valid_at(kNow + kSelfSignedDays * kDay - 1));
  EXPECT_FALSE(is_valid_at(kNow + kSelfSignedDays * kDay + 1));
  EXPECT_EQ(X509_verify(certificate_, X509_get0_pubkey(certificate_)), 1);
}

TEST_F(SelfSignedTest, ItsKeyIsForItsOwnerAloneAndServes) {
  const SelfSignedFiles files = Write({"chat.example"});
  struct stat status {};
  ASSERT_EQ(::stat(files.key.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto context = TlsContext::Open(files.certificate, files.key);
  EXPECT_TRUE(context) << context.error().message;
}

TEST_F(SelfSignedTest, RefusesWhatIsNoName) {
  for (const std::string name : {"", ".", "a..b", "-a", "a-", "a b", "a,DNS:b", "a\nb",
                                 "ex\xc3\xa4mple", "*", "a.*.b", "https://a", "a:443", "[::1]"}) {
    EXPECT_EQ(Refused({name}), ErrorCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(Refused({std::string(64, 'a')}), ErrorCode::kInvalidArgument);
  EXPECT_EQ(Refused(std::vector<std::string>(kSelfSignedNamesMax + 1, "a.example")),
            ErrorCode::kTooLarge);
}

TEST_F(SelfSignedTest, TakesNamesUpToItsLimits) {
  std::string longest(253, 'a');
  for (std::size_t dot = 60; dot < longest.size(); dot += 60) longest[dot] = '.';
  std::vector<std::string> names(kSelfSignedNamesMax, longest);
  Write(names);
  EXPECT_TRUE(IsFor(longest.c_str()));
}

TEST_F(SelfSignedTest, OverwritesNothing) {
  for (const char* name : {"certificate.pem", "certificate.key"}) {
    std::ofstream(folder_ / name) << "mine";
    const auto files = WriteSelfSigned(folder_, {}, kNow);
    ASSERT_FALSE(files);
    EXPECT_EQ(files.error().code, ErrorCode::kAlreadyExists);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
    std::filesystem::remove(folder_ / name);
  }
}

TEST_F(SelfSignedTest, SaysThatThereIsNoFolder) {
  const auto files = WriteSelfSigned(folder_ / "none", {}, kNow);
  ASSERT_FALSE(files);
  EXPECT_EQ(files.error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace holdfast::net
