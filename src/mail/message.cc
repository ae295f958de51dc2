#include "mail/message.h"

#include <algorithm>
#include <ctime>

namespace holdfast::mail {
namespace {

// A control character would end the header line and begin another, as the writer of it likes.
bool IsControl(char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// RFC 5322, atext and dots. Quoted local parts are left out: nobody has one.
bool IsLocalCharacter(char c) {
  constexpr std::string_view kMarks = ".!#$%&'*+/=?^_`{|}~-";
  return IsAlphanumeric(c) || kMarks.find(c) != std::string_view::npos;
}

bool IsDomainCharacter(char c) { return IsAlphanumeric(c) || c == '.' || c == '-'; }

void AppendHex(std::string& out, char c) {
  out += fmt::format("={:02X}", static_cast<unsigned char>(c));
}

// RFC 2047, section 4.2, as strict as in a phrase.
bool IsPlainInWord(char c) { return IsAlphanumeric(c) || c == '-' || c == '!' || c == '*'; }

bool IsContinuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

// Short and printable stays as it is; else words that hold whole characters, one a line, of at most
// 76 bytes with what stands around them.
std::string EncodeSubject(std::string_view subject) {
  constexpr std::size_t kLineMax = 60;
  const bool is_printable =
      std::ranges::all_of(subject, [](char c) { return c >= ' ' && c <= '~'; });
  const bool is_plain = is_printable && subject.size() <= kLineMax &&
                        subject.find("=?") == std::string_view::npos && !subject.starts_with(' ');
  if (is_plain) return std::string(subject);
  std::string encoded = "=?UTF-8?Q?";
  std::size_t line = std::string_view("Subject: ").size();
  for (std::size_t at = 0; at < subject.size();) {
    std::string character;
    do {
      const char c = subject[at++];
      if (IsPlainInWord(c)) character += c;
      if (c == ' ') character += '_';
      if (!IsPlainInWord(c) && c != ' ') AppendHex(character, c);
    } while (at < subject.size() && IsContinuation(subject[at]) && character.size() < kLineMax);
    if (line > 0 && line + character.size() > kLineMax) {
      encoded += "?=\r\n =?UTF-8?Q?";
      line = 0;
    }
    encoded += character;
    line += character.size();
  }
  return encoded + "?=";
}

// RFC 2045, section 6.7, one line of the text without its end. A dot at the beginning is encoded
// too: to servers it may mean the end.
void AppendQuotedLine(std::string& out, std::string_view text) {
  constexpr std::size_t kLineMax = 76;
  std::size_t column = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const bool is_last = i + 1 == text.size();
    const bool is_blank = c == ' ' || c == '\t';
    const bool is_plain = (c > ' ' && c <= '~' && c != '=') || (is_blank && !is_last);
    const std::size_t width = is_plain ? 1 : 3;
    // The place of the '=' of a soft line break is kept.
    if (column + width > kLineMax - 1) {
      out += "=\r\n";
      column = 0;
    }
    if (is_plain && !(c == '.' && column == 0)) {
      out += c;
      column += 1;
    } else {
      AppendHex(out, c);
      column += 3;
    }
  }
  out += "\r\n";
}

std::string QuotedPrintable(std::string_view text) {
  std::string out;
  out.reserve(text.size() + text.size() / 8);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    if (line.ends_with('\r')) line.remove_suffix(1);
    AppendQuotedLine(out, line);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out;
}

// RFC 5322, section 3.3. Names of days and months by hand: those of strftime go by the locale.
std::string DateOf(std::int64_t time_ms) {
  constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const std::time_t seconds = time_ms / 1000;
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  return fmt::format("{}, {} {} {} {:02}:{:02}:{:02} +0000", kDays[utc.tm_wday], utc.tm_mday,
                     kMonths[utc.tm_mon], utc.tm_year + 1900, utc.tm_hour, utc.tm_min, utc.tm_sec);
}

Result<void> Check(const Message& message) {
  TRY(CheckAddress(message.to));
  const bool is_id =
      !message.id.empty() && message.id.size() <= 64 && std::ranges::all_of(message.id, [](char c) {
        return IsAlphanumeric(c) || c == '-' || c == '_';
      });
  if (!is_id) return Fail(ErrorCode::kInvalidArgument, "the id of a mail is not one");
  if (std::ranges::any_of(message.subject, IsControl)) {
    return Fail(ErrorCode::kInvalidArgument, "a control character in the subject of a mail");
  }
  if (message.subject.size() > kSubjectBytesMax) {
    return Fail(ErrorCode::kTooLarge, "the subject of a mail is over {} bytes", kSubjectBytesMax);
  }
  if (message.text.size() > kTextBytesMax) {
    return Fail(ErrorCode::kTooLarge, "the text of a mail is over {} bytes", kTextBytesMax);
  }
  return {};
}

}  // namespace

Result<void> CheckAddress(std::string_view address) {
  const std::size_t at = std::min(address.find('@'), address.size());
  const std::string_view local = address.substr(0, at);
  const std::string_view domain = at < address.size() ? address.substr(at + 1) : std::string_view();
  const bool is_address = address.size() <= kAddressBytesMax && !local.empty() && !domain.empty() &&
                          std::ranges::all_of(local, IsLocalCharacter) &&
                          std::ranges::all_of(domain, IsDomainCharacter) &&
                          IsAlphanumeric(domain.front());
  if (!is_address) return Fail(ErrorCode::kInvalidArgument, "a mail address is not one");
  return {};
}

std::string_view DomainOf(std::string_view address) {
  return address.substr(address.find('@') + 1);
}

Result<std::string> Compose(const Message& message, std::string_view from) {
  TRY(CheckAddress(from));
  TRY(Check(message));
  // Auto-Submitted: nobody's holiday note answers it (RFC 3834).
  return fmt::format(
      "Date: {}\r\nFrom: <{}>\r\nTo: <{}>\r\nMessage-ID: <{}@{}>\r\nSubject: {}\r\n"
      "Auto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
      "Content-Type: text/plain; charset=utf-8\r\n"
      "Content-Transfer-Encoding: quoted-printable\r\n\r\n{}",
      DateOf(message.written_at), from, message.to, message.id, DomainOf(from),
      EncodeSubject(message.subject), QuotedPrintable(message.text));
}

}  // namespace holdfast::mail
