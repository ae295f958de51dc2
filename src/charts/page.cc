#include <fmt/format.h>

#include "charts/chart.h"

namespace holdfast::charts {
namespace {

constexpr std::string_view kStyle = R"(<style>
:root{color-scheme:light dark;--ink:#1c2430;--soft:#667085;--line:#d9dee7;--paper:#fbfbfa}
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--soft:#98a2b3;--line:#344054;--paper:#12151b}}
body{font:16px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:60rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem;margin:0 0 .2rem}h2{font-size:1.1rem;margin:2rem 0 .4rem}
svg{width:100%;height:auto}svg text{fill:var(--soft);font:12px system-ui,sans-serif}
svg .title{fill:var(--ink);font-size:14px;font-weight:600}svg .grid{stroke:var(--line)}
svg .curve{fill:none;stroke-width:1.6;stroke-linejoin:round}
table{border-collapse:collapse}td,th{padding:.15rem 1rem .15rem 0;text-align:left;font-variant-numeric:tabular-nums}
th{font-weight:500;color:var(--soft)}.load td{padding:0;width:1.5rem;height:1.1rem}
.load th{padding:0 .6rem 0 0}
</style>)";

}  // namespace

std::string EscapeHtml(std::string_view text) {
  std::string safe;
  for (const char ch : text) {
    switch (ch) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default:
        safe += ch;
    }
  }
  return safe;
}

std::string MakePage(std::string_view title, std::string_view body) {
  return fmt::format(
      "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
      "content=\"width=device-width,initial-scale=1\"><title>{0}</title>{1}</head>"
      "<body><h1>{0}</h1>{2}</body></html>\n",
      EscapeHtml(title), kStyle, body);
}

}  // namespace holdfast::charts
