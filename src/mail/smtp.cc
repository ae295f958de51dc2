#include "mail/smtp.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <optional>
#include <string_view>

#include <curl/curl.h>

#include "base/check.h"

namespace holdfast::mail {
namespace {

struct FreeEasy {
  void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
};
struct FreeMulti {
  void operator()(CURLM* multi) const { curl_multi_cleanup(multi); }
};
struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
struct FreeUrl {
  void operator()(CURLU* url) const { curl_url_cleanup(url); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;
using Multi = std::unique_ptr<CURLM, FreeMulti>;
using List = std::unique_ptr<curl_slist, FreeList>;

struct ServerAddress {
  std::string url;
  bool is_this_machine = false;
};

// The library's strings are copied, because they are its own to free. Empty: there is no such part.
std::string PartOf(CURLU* url, CURLUPart part) {
  char* text = nullptr;
  if (curl_url_get(url, part, &text, 0) != CURLUE_OK) return {};
  std::string copy = text;
  curl_free(text);
  return copy;
}

// The name that is always this machine, and its addresses; no other name, whatever it stands for.
bool IsThisMachine(std::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  const bool is_ipv4 =
      std::ranges::all_of(host, [](char c) { return (c >= '0' && c <= '9') || c == '.'; });
  return is_ipv4 && host.starts_with("127.");
}

Result<ServerAddress> ReadUrl(const SmtpOptions& options) {
  const std::unique_ptr<CURLU, FreeUrl> url(curl_url());
  CHECK(url != nullptr);
  const bool is_url = curl_url_set(url.get(), CURLUPART_URL, options.url.c_str(),
                                   CURLU_NON_SUPPORT_SCHEME) == CURLUE_OK;
  const std::string scheme = PartOf(url.get(), CURLUPART_SCHEME);
  const bool has_more =
      PartOf(url.get(), CURLUPART_PATH).size() > 1 || !PartOf(url.get(), CURLUPART_QUERY).empty() ||
      !PartOf(url.get(), CURLUPART_FRAGMENT).empty() ||
      !PartOf(url.get(), CURLUPART_USER).empty() || !PartOf(url.get(), CURLUPART_PASSWORD).empty();
  if (!is_url || (scheme != "smtp" && scheme != "smtps") || has_more) {
    return Fail(ErrorCode::kInvalidArgument,
                "the mail server is smtp://HOST[:PORT] or smtps://HOST[:PORT], without more");
  }
  const std::string host = PartOf(url.get(), CURLUPART_HOST);
  const std::string port = PartOf(url.get(), CURLUPART_PORT);
  // The path is the name we greet with. It is that of our addresses, not this machine's own.
  return ServerAddress{fmt::format("{}://{}{}/{}", scheme, host, port.empty() ? "" : ":" + port,
                                   DomainOf(options.from)),
                       scheme == "smtp" && IsThisMachine(host)};
}

struct Source {
  std::string_view rest;
};

std::size_t ReadSource(char* buffer, std::size_t size, std::size_t count, void* source) {
  std::string_view& rest = static_cast<Source*>(source)->rest;
  const std::size_t bytes = std::min(size * count, rest.size());
  std::memcpy(buffer, rest.data(), bytes);
  rest.remove_prefix(bytes);
  return bytes;
}

template <typename Value>
void Set(CURL* easy, CURLoption option, Value value) {
  CHECK_MSG(curl_easy_setopt(easy, option, value) == CURLE_OK, "libcurl has no option {}",
            static_cast<int>(option));
}

void SetServer(CURL* easy, const SmtpOptions& options, const ServerAddress& server) {
  Set(easy, CURLOPT_URL, server.url.c_str());
  Set(easy, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
  // A variable of the environment sends no mail another way.
  Set(easy, CURLOPT_PROXY, "");
  Set(easy, CURLOPT_NOSIGNAL, 1L);
  // A name that is still being looked up does not hold up who stops.
  Set(easy, CURLOPT_QUICK_EXIT, 1L);
  Set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(options.connect_time_max.count()));
  Set(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(options.time_max.count()));
  const curl_usessl tls = server.is_this_machine ? CURLUSESSL_NONE : CURLUSESSL_ALL;
  Set(easy, CURLOPT_USE_SSL, static_cast<long>(tls));
  Set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!options.tls_ca_file.empty()) Set(easy, CURLOPT_CAINFO, options.tls_ca_file.c_str());
  if (options.user.empty()) return;
  Set(easy, CURLOPT_USERNAME, options.user.c_str());
  std::string password(options.password.Reveal());  // With a zero at its end.
  Set(easy, CURLOPT_PASSWORD, password.c_str());
  Secret::Wipe(password);
}

// Waits for the transfer's end. libcurl wakes when a socket is ready, a time limit is over, or the
// stop wakes it.
Result<CURLcode> Perform(CURL* easy, const std::stop_token& stop) {
  constexpr int kLongestWaitMs = 1000;
  const Multi multi(curl_multi_init());
  CHECK(multi != nullptr && curl_multi_add_handle(multi.get(), easy) == CURLM_OK);
  const std::stop_callback wake(stop, [&multi] { curl_multi_wakeup(multi.get()); });
  int running = 1;
  CURLMcode code = curl_multi_perform(multi.get(), &running);
  while (code == CURLM_OK && running > 0 && !stop.stop_requested()) {
    code = curl_multi_poll(multi.get(), nullptr, 0, kLongestWaitMs, nullptr);
    if (code == CURLM_OK) code = curl_multi_perform(multi.get(), &running);
  }
  int left = 0;
  const CURLMsg* const end = curl_multi_info_read(multi.get(), &left);
  std::optional<CURLcode> result;
  if (end != nullptr && end->msg == CURLMSG_DONE) result = end->data.result;
  // Before it lets go of a connection libcurl says QUIT, and waits for the reply.
  if (!result) Set(easy, CURLOPT_SERVER_RESPONSE_TIMEOUT, 1L);
  curl_multi_remove_handle(multi.get(), easy);
  if (code != CURLM_OK) return Fail(ErrorCode::kInternal, "{}", curl_multi_strerror(code));
  if (!result) return Fail(ErrorCode::kCancelled, "stopped while a mail was on its way");
  return *result;
}

// Of the last reply; 0: there was none.
long ReplyOf(CURL* easy) {
  long reply = 0;
  curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &reply);
  return reply;
}

Result<void> Judge(CURLcode code, long reply) {
  constexpr long kShuttingDown = 421;
  constexpr long kLoginNeeded = 530;
  switch (code) {
    case CURLE_OK:
      return {};
    case CURLE_OPERATION_TIMEDOUT:
      return Fail(ErrorCode::kDeadlineExceeded, "the mail server does not answer in time");
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
      return Fail(ErrorCode::kUnavailable, "the mail server is away");
    case CURLE_LOGIN_DENIED:
      return Fail(ErrorCode::kFailedPrecondition, "the mail server refuses the login");
    case CURLE_USE_SSL_FAILED:
      return Fail(ErrorCode::kFailedPrecondition, "the mail server offers no TLS");
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return Fail(ErrorCode::kFailedPrecondition, "no TLS with the mail server: {}",
                  curl_easy_strerror(code));
    default:
      break;
  }
  // Something took the connection, and nobody greeted.
  if (reply == 0) return Fail(ErrorCode::kUnavailable, "the mail server is away");
  if (reply == kShuttingDown) return Fail(ErrorCode::kUnavailable, "the mail server is away: 421");
  if (reply == kLoginNeeded) {
    return Fail(ErrorCode::kFailedPrecondition, "the mail server wants a login, or TLS before it");
  }
  if (reply >= 500) return Fail(ErrorCode::kPermissionDenied, "refused: {}", reply);
  if (reply >= 400) return Fail(ErrorCode::kResourceExhausted, "put off: {}", reply);
  return Fail(ErrorCode::kIo, "the connection broke off: {}", curl_easy_strerror(code));
}

}  // namespace

Result<void> CheckOptions(const SmtpOptions& options) {
  if (!CheckAddress(options.from)) {
    return Fail(ErrorCode::kInvalidArgument, "the address that mail comes from is not one");
  }
  if (options.user.empty() != options.password.empty()) {
    return Fail(ErrorCode::kInvalidArgument, "a user and a password go together");
  }
  TRY(ReadUrl(options));
  return {};
}

Result<void> Send(const SmtpOptions& options, const Message& message, const std::stop_token& stop) {
  TRY(CheckOptions(options));
  TRY_ASSIGN(const ServerAddress server, ReadUrl(options));
  TRY_ASSIGN(const std::string composed, Compose(message, options.from));
  static const CURLcode kInitialized = curl_global_init(CURL_GLOBAL_DEFAULT);
  CHECK(kInitialized == CURLE_OK);
  const List recipients(curl_slist_append(nullptr, message.to.c_str()));
  const Easy easy(curl_easy_init());
  CHECK(easy != nullptr && recipients != nullptr);
  SetServer(easy.get(), options, server);
  Set(easy.get(), CURLOPT_MAIL_FROM, options.from.c_str());
  Set(easy.get(), CURLOPT_MAIL_RCPT, recipients.get());
  Source source{composed};
  Set(easy.get(), CURLOPT_READFUNCTION, &ReadSource);
  Set(easy.get(), CURLOPT_READDATA, &source);
  Set(easy.get(), CURLOPT_UPLOAD, 1L);
  TRY_ASSIGN(const CURLcode code, Perform(easy.get(), stop));
  return Judge(code, ReplyOf(easy.get()));
}

}  // namespace holdfast::mail
