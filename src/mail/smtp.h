// Send: one mail to the mail server that relays it, by SMTP. Home of libcurl. Thread-safe; blocks
// until the server has taken the mail or refused it, a time limit is over, or `stop` is asked for.
//
// Neither password nor mail leaves this machine unencrypted: smtps:// begins with TLS, smtp:// goes
// over to it (STARTTLS) or ends, unless the host is localhost, 127.0.0.0/8 or ::1. Certificates are
// checked. The errors name neither an address nor what the server said, which may hold one.
#pragma once

#include <chrono>
#include <filesystem>
#include <stop_token>
#include <string>

#include "base/result.h"
#include "base/secret.h"
#include "mail/message.h"

namespace holdfast::mail {

struct SmtpOptions {
  std::string url;   // smtp://HOST[:PORT] or smtps://HOST[:PORT]
  std::string user;  // Empty: without logging in.
  Secret password;
  std::string from;
  std::filesystem::path tls_ca_file;  // Empty: the system's authorities.
  std::chrono::milliseconds connect_time_max{10'000};
  std::chrono::milliseconds time_max{60'000};  // For all of it.
};

// What Send would refuse in any case. Errors: kInvalidArgument, which repeats no user or password.
[[nodiscard]] Result<void> CheckOptions(const SmtpOptions& options);

// Errors, about the server:
//   kUnavailable         it is not there, or turns everybody away; later may work
//   kFailedPrecondition  not as things are set: the login is refused, TLS is not offered, or the
//                        certificate is not trusted
// about what became of this mail:
//   kPermissionDenied    refused for good (a reply of 5xx)
//   kResourceExhausted   put off by the server (4xx); later may work
//   kDeadlineExceeded    a time limit; as with kIo, the server may have taken it
//   kIo                  the connection broke off
//   kCancelled           `stop` was asked for
//   kInvalidArgument, kTooLarge  as of Compose and CheckOptions
[[nodiscard]] Result<void> Send(const SmtpOptions& options, const Message& message,
                                const std::stop_token& stop = {});

}  // namespace holdfast::mail
