// The cookies of a session, of a log-in at a provider that is under way, of a device, of a pass.
// Over HTTPS their names begin with "__Host-", which browsers take only with Secure, for this host
// alone (RFC 6265bis, section 4.1.3.2). On the machine itself, over plain HTTP, they have other
// names, so that neither is taken for the other. Pure.
#pragma once

#include <string>
#include <string_view>

#include "http/message.h"

namespace holdfast::api {

// The Set-Cookie of a new session; an empty token ends it.
http::Header SessionCookie(std::string_view token, bool is_encrypted);

// The token in the request's cookies; empty: none.
std::string_view SessionToken(std::string_view cookies, bool is_encrypted);

// The same for a log-in at a provider,
http::Header LogInCookie(std::string_view token, bool is_encrypted);
std::string_view LogInToken(std::string_view cookies, bool is_encrypted);
// for what a device is known by at the next log-in,
http::Header DeviceCookie(std::string_view badge, bool is_encrypted);
std::string_view DeviceBadge(std::string_view cookies, bool is_encrypted);
// and for the pass that a proof of work earned.
http::Header PassCookie(std::string_view pass, bool is_encrypted);
std::string_view PassToken(std::string_view cookies, bool is_encrypted);

}  // namespace holdfast::api
