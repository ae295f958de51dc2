#include "mail/message.h"

#include <string>

#include <gtest/gtest.h>

namespace holdfast::mail {
namespace {

constexpr std::string_view kFrom = "holdfast@chat.example";

Message Plain() {
  return {.id = "n-1_A",
          .to = "ada@example.org",
          .subject = "Confirm your mail address",
          .text = "Hello\n",
          .written_at = 1'796'045'245'678};
}

TEST(Message, HasTheFieldsThatRfc5322AsksFor) {
  EXPECT_EQ(Compose(Plain(), kFrom).value(),
            "Date: Mon, 30 Nov 2026 13:27:25 +0000\r\n"
            "From: <holdfast@chat.example>\r\n"
            "To: <ada@example.org>\r\n"
            "Message-ID: <n-1_A@chat.example>\r\n"
            "Subject: Confirm your mail address\r\n"
            "Auto-Submitted: auto-generated\r\n"
            "MIME-Version: 1.0\r\n"
            "Content-Type: text/plain; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n"
            "\r\n"
            "Hello\r\n");
}

TEST(Message, EncodesEachLineSoThatAnyServerTakesIt) {
  struct Case {
    std::string text;
    std::string encoded;
  };
  const Case cases[] = {
      {"", ""},
      {"no end", "no end\r\n"},
      {"a\r\nb\n", "a\r\nb\r\n"},
      {"a=b\n", "a=3Db\r\n"},
      {"é\n", "=C3=A9\r\n"},
      {".\n..\n", "=2E\r\n=2E.\r\n"},
      {"blank \ntab\t\n", "blank=20\r\ntab=09\r\n"},
      {std::string("\r\0x\n", 4), "=0D=00x\r\n"},
      {std::string(76, 'x') + "\n", std::string(75, 'x') + "=\r\nx\r\n"},
      {std::string(75, 'x') + ".\n", std::string(75, 'x') + "=\r\n=2E\r\n"},
  };
  for (const Case& one : cases) {
    Message message = Plain();
    message.text = one.text;
    const std::string composed = Compose(message, kFrom).value();
    EXPECT_EQ(composed.substr(composed.find("\r\n\r\n") + 4), one.encoded) << one.text;
  }
}

TEST(Message, NoAddressOrSubjectCanBeginAnotherHeader) {
  const std::string_view injections[] = {"\r\nBcc: eve@example.org", "\n.",  "\rx",
                                         std::string_view("\0x", 2), "\x7f", "\tx"};
  for (const std::string_view injection : injections) {
    Message message = Plain();
    message.subject += injection;
    EXPECT_EQ(Compose(message, kFrom).error().code, ErrorCode::kInvalidArgument);
    message = Plain();
    message.to += injection;
    EXPECT_EQ(Compose(message, kFrom).error().code, ErrorCode::kInvalidArgument);
    message = Plain();
    message.id += injection;
    EXPECT_EQ(Compose(message, kFrom).error().code, ErrorCode::kInvalidArgument);
    const std::string from = std::string(kFrom) + std::string(injection);
    EXPECT_EQ(Compose(Plain(), from).error().code, ErrorCode::kInvalidArgument);
  }
}

TEST(Message, TakesPlainAddressesOnly) {
  for (const char* address : {"a@b", "ada.lovelace+x@mail.example.org", "o'neil@example.org"}) {
    EXPECT_TRUE(CheckAddress(address)) << address;
  }
  const std::string longest = std::string(kAddressBytesMax - 2, 'a') + "@b";
  EXPECT_TRUE(CheckAddress(longest));
  for (const std::string& address :
       {std::string(), std::string("ada"), std::string("@b"), std::string("ada@"),
        std::string("a@b@c"), std::string("a b@c"), std::string("<a@b>"), std::string("a@b>"),
        std::string("a,c@b"), std::string("\"a\"@b"), std::string("ä@b"), std::string("a@ä"),
        std::string("a@b SIZE=1"), std::string("-x@-b"), "a" + longest}) {
    const Result<void> checked = CheckAddress(address);
    ASSERT_FALSE(checked) << address;
    EXPECT_EQ(checked.error().message, "a mail address is not one");
  }
}

TEST(Message, RefusesWhatIsOverItsLimits) {
  Message message = Plain();
  message.subject = std::string(kSubjectBytesMax, 'x');
  message.text = std::string(kTextBytesMax, 'x');
  EXPECT_TRUE(Compose(message, kFrom));
  message.subject += 'x';
  EXPECT_EQ(Compose(message, kFrom).error().code, ErrorCode::kTooLarge);
  message.subject = "x";
  message.text += 'x';
  EXPECT_EQ(Compose(message, kFrom).error().code, ErrorCode::kTooLarge);
}

TEST(Message, WordsOfASubjectAreShortAndHoldWholeCharacters) {
  Message message = Plain();
  for (int i = 0; i < 40; ++i) message.subject += "ü🩷 ";
  const std::string composed = Compose(message, kFrom).value();
  std::size_t at = composed.find("Subject: ");
  EXPECT_LE(composed.find("\r\n", at) - at, 76u);
  int words = 0;
  while ((at = composed.find("=?UTF-8?Q?", at)) != std::string::npos) {
    const std::size_t end = composed.find("?=", at + 10) + 2;
    EXPECT_LE(end - at, 75u);
    // The first byte is no continuation of a character in the word before.
    EXPECT_FALSE(composed.substr(at + 10, 2) == "=9" || composed.substr(at + 10, 2) == "=B");
    at = end;
    ++words;
  }
  EXPECT_GT(words, 5);
}

}  // namespace
}  // namespace holdfast::mail
