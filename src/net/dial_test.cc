// Dialling: within its time, called off, without descriptors, and over TLS with a certificate of
// its own authority made here.
#include <filesystem>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/asio.h"
#include "net/dial_from.h"
#include "net/event.h"
#include "net/io_threads.h"
#include "net/listener.h"
#include "net/stream.h"
#include "net/tls_client.h"
#include "net/watchdog.h"

namespace holdfast::net {
namespace {

using std::chrono::milliseconds;
constexpr milliseconds kPatience{60'000};

// A port that nobody accepts on, whose queue is full: a further connection is neither made nor
// refused.
class FullPort {
 public:
  FullPort() {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, Address(), sizeof(address_)), 0);
    socklen_t size = sizeof(address_);
    ::getsockname(listener_, Address(), &size);
    EXPECT_EQ(::listen(listener_, 0), 0);
    for (int i = 0; i < 4; ++i) {
      waiting_.push_back(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0));
      static_cast<void>(::connect(waiting_.back(), Address(), sizeof(address_)));
    }
  }
  ~FullPort() {
    for (const int socket : waiting_) ::close(socket);
    ::close(listener_);
  }
  FullPort(const FullPort&) = delete;
  FullPort& operator=(const FullPort&) = delete;
  Endpoint endpoint() const {
    Endpoint endpoint;
    endpoint.host = "127.0.0.1";
    endpoint.port = ntohs(address_.sin_port);
    return endpoint;
  }

 private:
  sockaddr* Address() { return reinterpret_cast<sockaddr*>(&address_); }
  int listener_ = -1;
  sockaddr_in address_{};
  std::vector<int> waiting_;
};

class DialTest : public ::testing::Test {
 protected:
  ~DialTest() override { threads_.Stop(); }

  static Awaitable<void> Try(Endpoint endpoint, DialOptions options, milliseconds stop_after,
                             std::promise<Result<std::string>>& done) {
    StopSource stop(co_await CurrentExecutor());
    if (stop_after > milliseconds(0)) stop.StopAt(Clock::now() + stop_after);
    options.stop = &stop;
    Result<std::unique_ptr<Stream>> stream = co_await Dial(endpoint, options);
    if (!stream) {
      done.set_value(Fail(stream.error()));
      co_return;
    }
    std::string text(2, '\0');
    const Result<std::size_t> count = co_await (*stream)->ReadSome(text);
    text.resize(count.value_or(0));
    stream->reset();
    done.set_value(std::move(text));
  }
  // Connects, and reads the first bytes.
  Result<std::string> TryDial(const Endpoint& endpoint, const DialOptions& options,
                              milliseconds stop_after = milliseconds(0)) {
    std::promise<Result<std::string>> done;
    threads_.Spawn(0, Try(endpoint, options, stop_after, done));
    return done.get_future().get();
  }

  IoThreads threads_{1};
};

TEST_F(DialTest, EndsAtItsDeadlineWhereNobodyAnswers) {
  const FullPort port;
  const Result<std::string> dialled =
      TryDial(port.endpoint(), {.deadline = Clock::now() + milliseconds(50)});
  ASSERT_FALSE(dialled);
  EXPECT_EQ(dialled.error().code, ErrorCode::kDeadlineExceeded);
}

TEST_F(DialTest, EndsAtOnceWhenItIsCalledOff) {
  const FullPort port;
  const Result<std::string> dialled =
      TryDial(port.endpoint(), {.deadline = Clock::now() + kPatience}, milliseconds(20));
  ASSERT_FALSE(dialled);
  EXPECT_EQ(dialled.error().code, ErrorCode::kCancelled);
}

TEST_F(DialTest, NamesWhatIsWrongWithAnEndpoint) {
  Endpoint nobody;
  {
    const FullPort closed;
    nobody = closed.endpoint();
  }
  const DialOptions options{.deadline = Clock::now() + kPatience};
  EXPECT_EQ(TryDial(nobody, options).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(TryDial(*ParseEndpoint("unix:/nowhere/x.sock"), options).error().code,
            ErrorCode::kUnavailable);
  EXPECT_EQ(TryDial(*ParseEndpoint("host.invalid:1"), options).error().code, ErrorCode::kNotFound);
}

TEST_F(DialTest, SaysThatThisProcessHasNoDescriptorLeft) {
  const FullPort port;
  // The thread's own descriptors are there before the limit falls.
  EXPECT_FALSE(TryDial(*ParseEndpoint("host.invalid:1"), {.deadline = Clock::now() + kPatience}));
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &before), 0);
  const int next = ::dup(0);
  ASSERT_GE(next, 0);
  ::close(next);
  const rlimit none{.rlim_cur = static_cast<rlim_t>(next), .rlim_max = before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &none), 0);
  const DialOptions options{.deadline = Clock::now() + kPatience};
  const Result<std::string> address = TryDial(port.endpoint(), options);
  const Result<std::string> name = TryDial(*ParseEndpoint("localhost:1"), options);
  ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &before), 0);
  EXPECT_EQ(address.error().code, ErrorCode::kResourceExhausted) << address.error().message;
  EXPECT_EQ(name.error().code, ErrorCode::kResourceExhausted) << name.error().message;
}

Awaitable<void> TryFrom(Source source, Endpoint endpoint, std::promise<Result<std::string>>& done) {
  Result<std::unique_ptr<Stream>> stream =
      co_await DialFrom(source, endpoint, Clock::now() + kPatience);
  if (!stream) {
    done.set_value(Fail(stream.error()));
    co_return;
  }
  std::string text(2, '\0');
  const Result<std::size_t> count = co_await (*stream)->ReadSome(text);
  text.resize(count.value_or(0));
  stream->reset();
  done.set_value(std::move(text));
}

TEST_F(DialTest, ComesFromTheAddressItIsGiven) {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  socklen_t size = sizeof(address);
  ASSERT_EQ(::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  Endpoint endpoint;
  endpoint.host = "127.0.0.1";
  endpoint.port = ntohs(address.sin_port);
  std::promise<Result<std::string>> done;
  threads_.Spawn(0, TryFrom({*Address::Parse("127.9.8.7"), 4096}, endpoint, done));
  sockaddr_in peer{};
  size = sizeof(peer);
  const int accepted = ::accept(listener, reinterpret_cast<sockaddr*>(&peer), &size);
  ASSERT_GE(accepted, 0);
  EXPECT_EQ(ntohl(peer.sin_addr.s_addr), 0x7F090807U);
  EXPECT_EQ(::send(accepted, "ok", 2, 0), 2);
  EXPECT_EQ(done.get_future().get().value_or(""), "ok");
  ::close(accepted);
  ::close(listener);
}

TEST_F(DialTest, RefusesASourceThatIsNotOfThisMachine) {
  const FullPort port;
  for (const char* const source : {"192.0.2.1", "2001:db8::1"}) {
    std::promise<Result<std::string>> done;
    threads_.Spawn(0, TryFrom({*Address::Parse(source), 0}, port.endpoint(), done));
    const Result<std::string> dialled = done.get_future().get();
    ASSERT_FALSE(dialled) << source;
    EXPECT_EQ(dialled.error().code, ErrorCode::kInvalidArgument) << source;
  }
}

Awaitable<void> WatchOnce(std::promise<milliseconds>& done) {
  const TimePoint begin = Clock::now();
  Event late(co_await CurrentExecutor());
  Watchdog watchdog(co_await CurrentExecutor(), [&late] { late.Notify(); });
  watchdog.Set(begin + milliseconds(10));
  for (int i = 2; i <= 5; ++i) watchdog.Set(begin + milliseconds(10) * i);
  EXPECT_TRUE(co_await late.Wait(begin + kPatience));
  EXPECT_TRUE(watchdog.is_late());
  done.set_value(std::chrono::duration_cast<milliseconds>(Clock::now() - begin));
}

TEST(Watchdog, BarksAtTheTimeThatWasSetLast) {
  IoThreads threads(1);
  std::promise<milliseconds> done;
  threads.Spawn(0, WatchOnce(done));
  EXPECT_GE(done.get_future().get(), milliseconds(50));
}

Awaitable<void> WatchNothing(std::promise<bool>& done) {
  Event late(co_await CurrentExecutor());
  {
    Watchdog moved(co_await CurrentExecutor(), [&late] { late.Notify(); });
    moved.Set(Clock::now() + milliseconds(5));
    moved.Set(kNoDeadline);
    Watchdog gone(co_await CurrentExecutor(), [&late] { late.Notify(); });
    gone.Set(Clock::now() + milliseconds(5));
  }
  done.set_value(co_await late.Wait(Clock::now() + milliseconds(30)));
}

TEST(Watchdog, IsSilentWhenItsTimeIsTakenBackOrItIsGone) {
  IoThreads threads(1);
  std::promise<bool> done;
  threads.Spawn(0, WatchNothing(done));
  EXPECT_FALSE(done.get_future().get());
}

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509_free>>;

Key MakeKey() { return Key(EVP_EC_gen("P-256")); }

// `issuer` null: signed by itself, an authority.
Certificate MakeCertificate(const std::string& name, const std::string& alt_names, EVP_PKEY* key,
                            X509* issuer, EVP_PKEY* issuer_key, long days) {
  Certificate certificate(X509_new());
  X509_set_version(certificate.get(), 2);
  static long serial = 1;
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), serial++);
  constexpr long kDay = 86'400;
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -30 * kDay);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), days * kDay);
  X509_set_pubkey(certificate.get(), key);
  X509_NAME* const subject = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(name.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(),
                       issuer == nullptr ? subject : X509_get_subject_name(issuer));
  const auto extend = [&](int id, const char* value) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, nullptr, id, value);
    X509_add_ext(certificate.get(), extension, -1);
    X509_EXTENSION_free(extension);
  };
  extend(NID_basic_constraints, issuer == nullptr ? "critical,CA:TRUE" : "critical,CA:FALSE");
  if (!alt_names.empty()) extend(NID_subject_alt_name, alt_names.c_str());
  X509_sign(certificate.get(), issuer_key, EVP_sha256());
  return certificate;
}

class TlsDialTest : public DialTest {
 protected:
  TlsDialTest() {
    std::filesystem::create_directories(folder_);
    ca_ = MakeCertificate("test authority", "", ca_key_.get(), nullptr, ca_key_.get(), 30);
    Write(folder_ / "ca.pem", ca_.get());
    const Certificate other =
        MakeCertificate("another", "", ca_key_.get(), nullptr, ca_key_.get(), 30);
    Write(folder_ / "other.pem", other.get());
  }
  ~TlsDialTest() override {
    if (listener_ != nullptr) listener_->Close();
    threads_.Stop();
    std::filesystem::remove_all(folder_);
  }

  static void Write(const std::filesystem::path& path, X509* certificate) {
    std::FILE* const file = std::fopen(path.c_str(), "wb");
    PEM_write_X509(file, certificate);
    std::fclose(file);
  }

  // Serves "ok" to each connection, with a certificate for these names.
  Endpoint Serve(const std::string& alt_names, long days = 30) {
    const Key key = MakeKey();
    const Certificate certificate =
        MakeCertificate("engine", alt_names, key.get(), ca_.get(), ca_key_.get(), days);
    Write(folder_ / "cert.pem", certificate.get());
    std::FILE* const file = std::fopen((folder_ / "key.pem").c_str(), "wb");
    PEM_write_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    std::fclose(file);
    tls_ = std::move(*TlsContext::Open(folder_ / "cert.pem", folder_ / "key.pem"));
    ListenerOptions options;
    options.tls = tls_.get();
    auto opened = Listener::Open(*ParseEndpoint("127.0.0.1:0"), threads_, ConnectionQuota::Make({}),
                                 options, ServeOk);
    EXPECT_TRUE(opened);
    listener_ = std::move(*opened);
    return listener_->endpoint();
  }
  static Awaitable<void> ServeOk(Accepted accepted) {
    co_await accepted.stream->WriteAll("ok");
    co_await accepted.stream->FinishWrites();
  }

  const std::filesystem::path folder_ =
      std::filesystem::temp_directory_path() / fmt::format("holdfast-tls-{}", ::getpid());
  const Key ca_key_ = MakeKey();
  Certificate ca_;
  std::unique_ptr<const TlsContext> tls_;
  std::unique_ptr<Listener> listener_;
};

TEST_F(TlsDialTest, TrustsOnlyWhatItsAuthorityNames) {
  struct Case {
    const char* name;
    std::string alt_names;
    std::string ca_file;
    std::string server_name;
    bool insecure;
    long days;
    std::string_view error;  // Part of the message; empty: it is trusted.
  };
  const Case cases[] = {
      {"a name", "DNS:engine.test", "ca.pem", "engine.test", false, 30, ""},
      {"an address", "IP:127.0.0.1", "ca.pem", "127.0.0.1", false, 30, ""},
      {"another name", "DNS:other.test", "ca.pem", "engine.test", false, 30, "mismatch"},
      {"another address", "IP:10.0.0.1", "ca.pem", "127.0.0.1", false, 30, "mismatch"},
      {"another authority", "DNS:engine.test", "other.pem", "engine.test", false, 30, "issuer"},
      {"the system's authorities", "DNS:engine.test", "", "engine.test", false, 30, "certificate"},
      {"too old", "DNS:engine.test", "ca.pem", "engine.test", false, -1, "expired"},
      {"anybody", "DNS:other.test", "", "engine.test", true, -1, ""},
  };
  for (const Case& one : cases) {
    const Endpoint endpoint = Serve(one.alt_names, one.days);
    TlsClientOptions options;
    if (!one.ca_file.empty()) options.ca_file = folder_ / one.ca_file;
    options.server_name = one.server_name;
    options.insecure = one.insecure;
    const auto client = TlsClient::Open(options);
    ASSERT_TRUE(client) << one.name;
    const Result<std::string> dialled =
        TryDial(endpoint, {.deadline = Clock::now() + kPatience, .tls = client->get()});
    if (one.error.empty()) {
      ASSERT_TRUE(dialled) << one.name << ": " << dialled.error().message;
      EXPECT_EQ(*dialled, "ok") << one.name;
    } else {
      ASSERT_FALSE(dialled) << one.name;
      EXPECT_EQ(dialled.error().code, ErrorCode::kPermissionDenied) << one.name;
      EXPECT_NE(dialled.error().message.find(one.error), std::string::npos)
          << one.name << ": " << dialled.error().message;
    }
  }
}

TEST_F(TlsDialTest, GivesUpOnAPeerThatSpeaksNoTls) {
  TlsClientOptions tls_options;
  tls_options.server_name = "engine.test";
  tls_options.insecure = true;
  const auto client = TlsClient::Open(tls_options);
  ASSERT_TRUE(client);
  auto plain = Listener::Open(*ParseEndpoint("127.0.0.1:0"), threads_, ConnectionQuota::Make({}),
                              ListenerOptions{}, ServeOk);
  ASSERT_TRUE(plain);
  const Result<std::string> dialled =
      TryDial((*plain)->endpoint(), {.deadline = Clock::now() + kPatience, .tls = client->get()});
  ASSERT_FALSE(dialled);
  EXPECT_NE(dialled.error().code, ErrorCode::kDeadlineExceeded);
  // Listens, and never says anything.
  auto mute = Listener::Open(*ParseEndpoint("127.0.0.1:0"), threads_, ConnectionQuota::Make({}),
                             ListenerOptions{}, [](Accepted accepted) -> Awaitable<void> {
                               Event never(accepted.stream->executor());
                               co_await never.Wait(kNoDeadline);
                             });
  ASSERT_TRUE(mute);
  const Result<std::string> silence = TryDial(
      (*mute)->endpoint(), {.deadline = Clock::now() + milliseconds(50), .tls = client->get()});
  ASSERT_FALSE(silence);
  EXPECT_EQ(silence.error().code, ErrorCode::kDeadlineExceeded);
}

TEST(TlsClient, NamesAFileThatHoldsNoAuthority) {
  TlsClientOptions options;
  options.ca_file = "/nowhere/ca.pem";
  options.server_name = "a";
  const auto client = TlsClient::Open(options);
  ASSERT_FALSE(client);
  EXPECT_NE(client.error().message.find("/nowhere/ca.pem"), std::string::npos);
  EXPECT_FALSE(TlsClient::Open({}));
}

}  // namespace
}  // namespace holdfast::net
