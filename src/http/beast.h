// Beast's parsers, the only part of Beast in use. Only http's sources include this.
#pragma once

#ifndef BOOST_BEAST_SEPARATE_COMPILATION
#define BOOST_BEAST_SEPARATE_COMPILATION 1
#endif

#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include "net/asio.h"

namespace holdfast::http {
namespace beast = boost::beast;
}  // namespace holdfast::http
