// Calls that go to a provider and come back: what needs both the provider, over the network, and
// the database, on the blocking pool. They answer with redirects, whose addresses are our own or
// the provider's metadata's: none is taken from a request.
#pragma once

#include <optional>
#include <string>

#include "api/account/desk_call.h"
#include "api/account/provider_desk.h"

namespace holdfast::api {

// What a call may know of its request, copied.
struct Visit {
  std::string provider;  // Of the path.
  std::string query;
  std::string browser;  // The token of its log-in; empty: none.
  std::string client;
  std::string device;
  std::optional<accounts::Identity> who;
  json::Object body;
  bool is_encrypted = false;
  bool is_local = false;
};

class ProviderCalls {
 public:
  ProviderCalls(const AccountDesk& desk, ProviderDesk& providers)
      : desk_(desk), providers_(providers) {}

  // GET .../start: sends the browser to the provider.
  net::Awaitable<ApiResult<void>> Start(const Visit& visit, Reply& reply) const;
  // GET .../callback: takes it back, and sends it to the page, whatever came of it.
  net::Awaitable<ApiResult<void>> ComeBack(const Visit& visit, Reply& reply) const;
  // POST .../link and .../confirm: tells the page where to send the browser.
  net::Awaitable<ApiResult<void>> Link(const Visit& visit, Reply& reply, Progress& progress) const;
  net::Awaitable<ApiResult<void>> Confirm(const Visit& visit, Reply& reply) const;

 private:
  // Where a browser goes next, and with which cookies.
  struct Way {
    std::string to;
    std::vector<http::Header> cookies = {};
  };

  net::Awaitable<accounts::Outcome<Way>> Begin(const Visit& visit, oidc::Purpose purpose,
                                               std::string section) const;
  net::Awaitable<Way> Arrive(const Visit& visit, const oidc::LogIn& log_in) const;
  net::Awaitable<accounts::Outcome<oidc::Claims>> Ask(const Visit& visit, const oidc::LogIn& log_in,
                                                      oidc::Provider& provider) const;
  accounts::Outcome<Way> Enter(const Visit& visit, const oidc::LogIn& log_in,
                               const oidc::ProviderSpec& spec, const oidc::Claims& claims) const;
  accounts::Outcome<Way> LogIn(const Visit& visit, const accounts::ProviderPerson& person,
                               const oidc::ProviderSpec& spec, const oidc::Claims& claims) const;
  static net::Awaitable<ApiResult<void>> Redirect(const Way& way, Reply& reply);
  static net::Awaitable<ApiResult<void>> Tell(const accounts::Outcome<Way>& way, Reply& reply);

  const AccountDesk desk_;
  ProviderDesk& providers_;
};

}  // namespace holdfast::api
