#include "base/secret_file.h"

#include <fstream>
#include <optional>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace holdfast {
namespace {

TEST(SecretFile, GivesTheFirstLineAndNeverSaysIt) {
  const std::filesystem::path path = fmt::format("/tmp/holdfast-secret-test-{}", ::getpid());
  struct Case {
    std::string content;
    std::string secret;
    std::optional<ErrorCode> error;
  };
  const Case cases[] = {
      {"otter kettle\n", "otter kettle", {}},
      {"  größer \r\nsecond line", "größer", {}},
      {"no end of line", "no end of line", {}},
      {"", "", ErrorCode::kInvalidArgument},
      {" \t\r\nsecret\n", "", ErrorCode::kInvalidArgument},
      {"a\x01secret", "", ErrorCode::kInvalidArgument},
      {std::string(kSecretFileBytesMax, 's'), std::string(kSecretFileBytesMax, 's'), {}},
      {std::string(kSecretFileBytesMax + 1, 's'), "", ErrorCode::kTooLarge},
  };
  for (const Case& one : cases) {
    std::ofstream(path, std::ios::binary) << one.content;
    const Result<Secret> secret = ReadSecretLine(path);
    ASSERT_EQ(secret.has_value(), !one.error.has_value()) << one.content;
    if (secret) {
      EXPECT_TRUE(secret->Equals(one.secret));
      continue;
    }
    EXPECT_EQ(secret.error().code, *one.error);
    EXPECT_EQ(secret.error().message.find("asecret"), std::string::npos);
  }
  std::filesystem::remove(path);
  EXPECT_EQ(ReadSecretLine(path).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace holdfast
