// Mail over real sockets, to a real SMTP server.
#include "mail/smtp.h"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

#include "mail/testing/deaf_server.h"
#include "mail/testing/smtp_server.h"

namespace holdfast::mail {
namespace {

using testing::DeafServer;
using testing::SmtpServer;

constexpr const char* kSubject =
    "Größe: 🩷 and what else a subject of more than one line has to say";

Message Letter() {
  return {.id = "letter1",
          .to = "ada@example.org",
          .subject = "Confirm",
          .text = "Hello\n",
          .written_at = 1'796'045'245'678};
}

SmtpOptions To(std::string url) {
  SmtpOptions options;
  options.url = std::move(url);
  options.from = "holdfast@chat.example";
  return options;
}

ErrorCode CodeOf(const Result<void>& sent) {
  EXPECT_FALSE(sent.has_value());
  if (sent) return ErrorCode::kInternal;
  EXPECT_EQ(sent.error().message.find('@'), std::string::npos) << sent.error().message;
  return sent.error().code;
}

TEST(Smtp, AMailArrivesByteForByte) {
  const SmtpServer server;
  Message letter = Letter();
  letter.subject = kSubject;
  letter.text = "Grüße, Ωmega, 🩷 = \"quoted\"\n.\n..\n.hidden\n\nblank at the end \n" +
                std::string(5'000, 'x') + "\nFrom here\n" + std::string(400, '.') + "\n" +
                "https://chat.example/#/verify?token=a=b\n.\n";
  const Result<void> sent = Send(To(server.Url()), letter);
  ASSERT_TRUE(sent) << sent.error().message;
  std::string text = server.Field(1, "text");
  for (std::size_t at = 0; (at = text.find("\r\n", at)) != std::string::npos;) text.erase(at, 1);
  EXPECT_EQ(text, letter.text);
  EXPECT_LE(std::stoi(server.Field(1, "longest_line")), 78);
  EXPECT_EQ(server.Field(1, "subject"), kSubject);
  EXPECT_EQ(server.Field(1, "sender"), "holdfast@chat.example");
  EXPECT_EQ(server.Field(1, "recipients"), "ada@example.org");
  EXPECT_EQ(server.Field(1, "from"), "holdfast@chat.example");
  EXPECT_EQ(server.Field(1, "to"), "ada@example.org");
  EXPECT_EQ(server.Field(1, "message-id"), "<letter1@chat.example>");
  EXPECT_EQ(server.Field(1, "date"), "Mon, 30 Nov 2026 13:27:25 +0000");
  EXPECT_EQ(server.Field(1, "greeting"), "chat.example");
  EXPECT_EQ(server.Field(1, "login"), "None");
}

TEST(Smtp, ALoginIsNeededAndMayBeRefused) {
  const SmtpServer server({"--user", "holdfast", "--password", "otter kettle"});
  SmtpOptions options = To(server.Url());
  EXPECT_EQ(CodeOf(Send(options, Letter())), ErrorCode::kFailedPrecondition) << "without one";
  options.user = "holdfast";
  options.password = Secret("guess");
  const Result<void> refused = Send(options, Letter());
  EXPECT_EQ(CodeOf(refused), ErrorCode::kFailedPrecondition);
  EXPECT_EQ(refused.error().message, "the mail server refuses the login");
  options.password = Secret("otter kettle");
  ASSERT_TRUE(Send(options, Letter()));
  EXPECT_EQ(server.Field(1, "login"), "True");
}

TEST(Smtp, ARecipientIsRefusedForGoodOrPutOff) {
  const SmtpServer server({"--refuse", "nobody@example.org", "--put-off", "later@example.org",
                           "--close-at", "rude@example.org"});
  struct Case {
    const char* to;
    ErrorCode code;
  };
  const Case cases[] = {
      {"nobody@example.org", ErrorCode::kPermissionDenied},
      {"later@example.org", ErrorCode::kResourceExhausted},
      {"rude@example.org", ErrorCode::kIo},
  };
  for (const Case& one : cases) {
    Message letter = Letter();
    letter.to = one.to;
    EXPECT_EQ(CodeOf(Send(To(server.Url()), letter)), one.code) << one.to;
  }
  EXPECT_TRUE(Send(To(server.Url()), Letter())) << "others are served";
}

TEST(Smtp, AServerThatDoesNotGreetIsUnavailable) {
  const DeafServer server;
  std::thread hangs_up([&] { ::close(server.Accept()); });
  EXPECT_EQ(CodeOf(Send(To(server.Url()), Letter())), ErrorCode::kUnavailable);
  hangs_up.join();
}

TEST(Smtp, AServerThatIsAwayIsUnavailable) {
  DeafServer server;
  const std::string url = server.Url();
  server.Leave();
  EXPECT_EQ(CodeOf(Send(To(url), Letter())), ErrorCode::kUnavailable);
  EXPECT_EQ(CodeOf(Send(To("smtp://no-such-host.invalid"), Letter())), ErrorCode::kUnavailable);
}

TEST(Smtp, AServerThatNeverAnswersTakesNoLongerThanTheLimit) {
  const DeafServer server;
  SmtpOptions options = To(server.Url());
  options.time_max = std::chrono::milliseconds(100);
  EXPECT_EQ(CodeOf(Send(options, Letter())), ErrorCode::kDeadlineExceeded);
  options = To(server.Url());
  options.connect_time_max = std::chrono::milliseconds(100);
  EXPECT_EQ(CodeOf(Send(options, Letter())), ErrorCode::kDeadlineExceeded);
}

TEST(Smtp, StopsAtOnce) {
  const DeafServer server;
  std::stop_source stop;
  std::atomic<ErrorCode> code{};
  const auto begin = std::chrono::steady_clock::now();
  std::thread sender([&] { code = CodeOf(Send(To(server.Url()), Letter(), stop.get_token())); });
  const int guest = server.Accept();
  stop.request_stop();
  sender.join();
  ::close(guest);
  EXPECT_EQ(code, ErrorCode::kCancelled);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, SmtpOptions().connect_time_max);
}

// A key and a certificate, made for the test, that a server shows.
struct Certificate {
  explicit Certificate(const std::string& host) {
    char pattern[] = "/tmp/holdfast-certificate-XXXXXX";
    folder = ::mkdtemp(pattern);
    const std::string command = fmt::format(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
        " -subj /CN={0} -addext subjectAltName=DNS:{0} -keyout {1}/key -out {1}/cert 2>{1}/log",
        host, folder.string());
    CHECK(std::system(command.c_str()) == 0);
  }
  ~Certificate() { std::filesystem::remove_all(folder); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;
  std::vector<std::string> Arguments() const {
    return {"--cert", folder / "cert", "--key", folder / "key"};
  }

  std::filesystem::path folder;
};

// libcurl takes every name under localhost for this machine; Send only that name itself.
constexpr const char* kElsewhere = "mail.localhost";

TEST(Smtp, NothingGoesUnencryptedToAnotherMachine) {
  const SmtpServer plain;
  const Result<void> refused = Send(To(plain.Url(kElsewhere)), Letter());
  EXPECT_EQ(CodeOf(refused), ErrorCode::kFailedPrecondition);
  EXPECT_FALSE(plain.HasMail(1));

  const Certificate certificate(kElsewhere);
  const SmtpServer encrypted(certificate.Arguments());
  SmtpOptions options = To(encrypted.Url(kElsewhere));
  EXPECT_EQ(CodeOf(Send(options, Letter())), ErrorCode::kFailedPrecondition) << "not trusted";
  EXPECT_FALSE(encrypted.HasMail(1));
  options.tls_ca_file = certificate.folder / "cert";
  const Result<void> sent = Send(options, Letter());
  ASSERT_TRUE(sent) << sent.error().message;
  EXPECT_EQ(encrypted.Field(1, "tls"), "True");
}

TEST(Smtp, BeginsWithTlsWhereTheUrlSaysSo) {
  const Certificate certificate(kElsewhere);
  std::vector<std::string> arguments = certificate.Arguments();
  arguments.emplace_back("--tls-first");
  const SmtpServer server(arguments);
  SmtpOptions options = To(fmt::format("smtps://{}:{}", kElsewhere, server.port()));
  options.tls_ca_file = certificate.folder / "cert";
  const Result<void> sent = Send(options, Letter());
  ASSERT_TRUE(sent) << sent.error().message;
  options.url = fmt::format("smtps://127.0.0.1:{}", server.port());
  EXPECT_EQ(CodeOf(Send(options, Letter())), ErrorCode::kFailedPrecondition) << "another name";
}

TEST(Smtp, SaysWhatIsWrongWithItsOptionsAndNeverThePassword) {
  for (const char* url :
       {"", "mail.example", "http://mail.example", "smtp://", "smtp://u@h", "smtp://u:hush@h",
        "smtp://h/path", "smtp://h?q", "smtp://h#f", "smtp://h:99999", "smtp://a b"}) {
    const Result<void> checked = CheckOptions(To(url));
    EXPECT_EQ(CodeOf(checked), ErrorCode::kInvalidArgument) << url;
    EXPECT_EQ(checked.error().message.find("hush"), std::string::npos);
  }
  for (const char* url : {"smtp://mail.example", "smtps://mail.example:465", "smtp://[::1]:25/"}) {
    EXPECT_TRUE(CheckOptions(To(url))) << url;
  }
  SmtpOptions options = To("smtp://mail.example");
  options.user = "holdfast";
  EXPECT_EQ(CodeOf(CheckOptions(options)), ErrorCode::kInvalidArgument) << "no password";
  options = To("smtp://mail.example");
  options.from = "nobody";
  EXPECT_EQ(CodeOf(CheckOptions(options)), ErrorCode::kInvalidArgument);
}

}  // namespace
}  // namespace holdfast::mail
