#include "tokenizer/pre_syntax.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "tokenizer/unicode_property.h"
#include "tokenizer/utf8.h"

namespace holdfast::tokenizer {
namespace {

// Classes in classes; published ones go to 2.
constexpr int kClassDepthMax = 8;

const CodePointSet& Property(std::string_view name) {
  const CodePointSet* set = FindUnicodeProperty(name);
  CHECK(set != nullptr);
  return *set;
}

// \w. Outside a class Oniguruma's has the superscript digits and fractions of Latin-1 too.
const CodePointSet& Word(bool in_class) {
  static const CodePointSet kInClass =
      Property("Alphabetic").Union(Property("M")).Union(Property("Nd")).Union(Property("Pc"));
  static const CodePointSet kOutside =
      kInClass.Union(CodePointSet({{0xB2, 0xB3}, {0xB9, 0xB9}, {0xBC, 0xBE}}));
  return in_class ? kInClass : kOutside;
}

bool IsAsciiAlphanumeric(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

std::unexpected<Error> Invalid(std::string_view what) {
  return Fail(ErrorCode::kInvalidArgument, "pre-tokenizer pattern {}", what);
}

std::unexpected<Error> Unsupported(std::string_view what) {
  return Fail(ErrorCode::kUnsupported, "pre-tokenizer pattern {}", what);
}

// What an escape or a member of a class stands for: one code point, or a set of them.
struct Atom {
  std::optional<char32_t> code_point;
  CodePointSet set;

  static Atom Of(char32_t code_point) { return {code_point, CodePointSet::Of(code_point)}; }
  static Atom Of(CodePointSet set) { return {std::nullopt, std::move(set)}; }
};

// Reads what stands for one code point.
class AtomReader {
 public:
  explicit AtomReader(std::string_view in) : in_(in) {}

  bool is_done() const { return in_.empty(); }
  std::string_view rest() const { return in_; }
  void Skip(std::size_t bytes) { in_.remove_prefix(bytes); }
  bool SkipIf(std::string_view prefix) {
    if (!in_.starts_with(prefix)) return false;
    in_.remove_prefix(prefix.size());
    return true;
  }

  // The character there, taken as it is.
  Result<char32_t> Literal() {
    const Utf8Step step = NextUtf8(in_);
    if (step.kind != Utf8Step::Kind::kCharacter) return Invalid("is not UTF-8");
    const char32_t code_point = DecodeUtf8(in_);
    Skip(step.bytes);
    return code_point;
  }

  // At a backslash before what stands for one code point.
  Result<Atom> Escape(bool in_class) {
    Skip(1);
    if (in_.empty()) return Invalid("ends in a backslash");
    const char letter = in_[0];
    if (!IsAsciiAlphanumeric(letter)) {
      TRY_ASSIGN(const char32_t literal, Literal());
      return Atom::Of(literal);
    }
    Skip(1);
    switch (letter) {
      case 's':
        return Atom::Of(Property("White_Space"));
      case 'S':
        return Atom::Of(Property("White_Space").Complement());
      case 'd':
        return Atom::Of(Property("Nd"));
      case 'D':
        return Atom::Of(Property("Nd").Complement());
      case 'w':
        return Atom::Of(Word(in_class));
      case 'W':
        return Atom::Of(Word(in_class).Complement());
      case 'h':
        return Atom::Of(HexDigits());
      case 'H':
        return Atom::Of(HexDigits().Complement());
      case 'p':
        return NamedProperty(/*is_negated=*/false);
      case 'P':
        return NamedProperty(/*is_negated=*/true);
      case 'x':
        return HexCodePoint();
      case 'u':
        return CodePointOf(in_.substr(0, 4), 4);
      case 't':
        return Atom::Of(U'\t');
      case 'n':
        return Atom::Of(U'\n');
      case 'v':
        return Atom::Of(U'\v');
      case 'f':
        return Atom::Of(U'\f');
      case 'r':
        return Atom::Of(U'\r');
      case 'a':
        return Atom::Of(U'\a');
      case 'e':
        return Atom::Of(U'\x1B');
      default:
        return Unsupported(fmt::format("uses \\{}", letter));
    }
  }

  // At the '[' of a class.
  Result<CodePointSet> Class(bool is_caseless) { return Class(is_caseless, /*depth=*/1); }

 private:
  static CodePointSet HexDigits() { return CodePointSet({{'0', '9'}, {'A', 'F'}, {'a', 'f'}}); }

  // After "\p" or "\P".
  Result<Atom> NamedProperty(bool is_negated) {
    const std::size_t close = in_.find('}');
    if (!in_.starts_with('{') || close == std::string_view::npos) {
      return Invalid("has \\p without {}");
    }
    std::string_view name = in_.substr(1, close - 1);
    Skip(close + 1);
    if (name.starts_with('^')) {
      name.remove_prefix(1);
      is_negated = !is_negated;
    }
    const CodePointSet* set = FindUnicodeProperty(name);
    if (set == nullptr) {
      return Invalid(fmt::format("has \\p{{{}}}, which is not known", name.substr(0, 64)));
    }
    return Atom::Of(is_negated ? set->Complement() : *set);
  }

  // The code point in hexadecimal, and the bytes it takes of the input.
  Result<Atom> CodePointOf(std::string_view digits, std::size_t bytes) {
    std::uint32_t value = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc() || end != digits.data() + digits.size() || bytes > in_.size() ||
        value > kCodePointMax) {
      return Invalid("has a code point that is none");
    }
    Skip(bytes);
    return Atom::Of(static_cast<char32_t>(value));
  }

  // After "\x": {..}, or one or two digits. Two digits above 7F would be a byte, not a character.
  Result<Atom> HexCodePoint() {
    if (in_.starts_with('{')) {
      const std::size_t close = in_.find('}');
      if (close == std::string_view::npos) return Invalid("has an open \\x{");
      return CodePointOf(in_.substr(1, close - 1), close + 1);
    }
    const std::size_t digits = std::min(in_.find_first_not_of("0123456789abcdefABCDEF"),
                                        std::min<std::size_t>(2, in_.size()));
    TRY_ASSIGN(Atom atom, CodePointOf(in_.substr(0, digits), digits));
    if (*atom.code_point > 0x7F) return Unsupported("has bytes that are not ASCII as \\x");
    return atom;
  }

  Result<CodePointSet> Class(bool is_caseless, int depth) {
    if (depth > kClassDepthMax) return Unsupported("has classes nested too deep");
    Skip(1);
    const bool is_negated = SkipIf("^");
    std::vector<CodePointRange> members;
    std::optional<CodePointSet> left;                // Of the last "&&".
    if (SkipIf("]")) members.push_back({']', ']'});  // First, so it is literal.
    while (!SkipIf("]")) {
      if (is_done()) return Invalid("has an open class");
      if (SkipIf("&&")) {
        left = Intersect(std::move(left), std::exchange(members, {}));
      } else {
        TRY(Member(depth, members));
      }
    }
    CodePointSet set = Intersect(std::move(left), std::move(members));
    if (is_caseless) set = WithOtherCases(set);
    return is_negated ? set.Complement() : set;
  }

  static CodePointSet Intersect(std::optional<CodePointSet> left,
                                std::vector<CodePointRange> members) {
    CodePointSet right(std::move(members));
    return left ? left->Intersection(right) : right;
  }

  // One member of a class: a set, a code point or a range.
  Result<> Member(int depth, std::vector<CodePointRange>& members) {
    if (in_.starts_with("[:")) return Unsupported("has a POSIX class");
    TRY_ASSIGN(const Atom atom, MemberAtom(depth));
    const bool is_range =
        in_.starts_with('-') && in_.size() > 1 && in_[1] != ']' && !in_.starts_with("-&&");
    if (!atom.code_point || !is_range) {
      members.insert(members.end(), atom.set.ranges().begin(), atom.set.ranges().end());
      return {};
    }
    Skip(1);
    TRY_ASSIGN(const Atom last, MemberAtom(depth));
    if (!last.code_point || *last.code_point < *atom.code_point) {
      return Invalid("has a range that ends before it begins");
    }
    members.push_back({*atom.code_point, *last.code_point});
    return {};
  }

  Result<Atom> MemberAtom(int depth) {
    if (in_[0] == '[') {
      TRY_ASSIGN(CodePointSet set, Class(/*is_caseless=*/false, depth + 1));
      return Atom::Of(std::move(set));
    }
    if (SkipIf("\\b")) return Atom::Of(U'\b');
    if (in_[0] == '\\') return Escape(/*in_class=*/true);
    TRY_ASSIGN(const char32_t literal, Literal());
    return Atom::Of(literal);
  }

  std::string_view in_;
};

// Reads a pattern once from left to right and writes its parts.
class PatternReader {
 public:
  PatternReader(std::string_view pattern, SetPool& pool) : in_(pattern), pool_(pool) {}

  Result<std::vector<PrePart>> Read() {
    groups_.emplace_back();
    while (!in_.is_done()) TRY(Step());
    if (groups_.size() > 1) return Invalid("has an open group");
    Close(groups_.back());
    return std::move(parts_);
  }

 private:
  struct Group {
    bool is_caseless = false;
    bool has_newline_in_dot = false;
    std::size_t inner_count = 0;  // Groups that (?i) opened in it, up to its end.
  };

  void Syntax(std::string_view text) { parts_.push_back({std::string(text), std::nullopt}); }

  Result<> Set(const CodePointSet& set) {
    TRY_ASSIGN(const std::size_t index, pool_.Intern(set));
    parts_.push_back({{}, index});
    return {};
  }

  Result<> Step() {
    const char c = in_.rest()[0];
    switch (c) {
      case '[': {
        TRY_ASSIGN(const CodePointSet set, in_.Class(groups_.back().is_caseless));
        return Set(set);
      }
      case '\\':
        return Escape();
      case '(':
        return OpenGroup();
      case ')':
        return CloseGroup();
      case '{':
        return Interval();
      case '.':
      case '^':
      case '$':
      case '|':
      case '*':
      case '+':
      case '?':
        in_.Skip(1);
        return Operator(c);
      default:
        return Literal();
    }
  }

  Result<> Literal() {
    TRY_ASSIGN(const char32_t literal, in_.Literal());
    return CodePoint(literal);
  }

  Result<> CodePoint(char32_t code_point) {
    const CodePointSet set = CodePointSet::Of(code_point);
    return Set(groups_.back().is_caseless ? WithOtherCases(set) : set);
  }

  // Lines end at \n alone, and ^ and $ are at every line's ends.
  Result<> Operator(char c) {
    const CodePointSet newline = CodePointSet::Of('\n');
    switch (c) {
      case '.':
        return Set(groups_.back().has_newline_in_dot ? CodePointSet::All() : newline.Complement());
      case '^':
        Syntax(R"((?:\A|(?<=)");
        TRY(Set(newline));
        Syntax(R"()(?!\z)))");
        return {};
      case '$':
        Syntax("(?:(?=");
        TRY(Set(newline));
        Syntax(R"()|\z))");
        return {};
      default:
        Syntax({&c, 1});
        return {};
    }
  }

  Result<> Escape() {
    for (const std::string_view end_of_text : {"\\A", "\\z"}) {
      if (!in_.SkipIf(end_of_text)) continue;
      Syntax(end_of_text);
      return {};
    }
    if (in_.SkipIf("\\Z")) {
      Syntax("(?=");
      TRY(Set(CodePointSet::Of('\n')));
      Syntax(R"(?\z))");
      return {};
    }
    if (in_.SkipIf("\\b")) return Boundary("(?!", "(?=");
    if (in_.SkipIf("\\B")) return Boundary("(?=", "(?!");
    TRY_ASSIGN(const Atom atom, in_.Escape(/*in_class=*/false));
    return atom.code_point ? CodePoint(*atom.code_point) : Set(atom.set);
  }

  // What has to follow a word character, and what something else.
  Result<> Boundary(std::string_view after_word, std::string_view after_other) {
    const CodePointSet& word = Word(/*in_class=*/false);
    Syntax("(?:(?<=");
    TRY(Set(word));
    Syntax(fmt::format("){}", after_word));
    TRY(Set(word));
    Syntax(")|(?<!");
    TRY(Set(word));
    Syntax(fmt::format("){}", after_other));
    TRY(Set(word));
    Syntax("))");
    return {};
  }

  // {n}, {n,}, {,m} and {n,m}; anything else is a literal brace.
  Result<> Interval() {
    const std::string_view rest = in_.rest();
    const std::size_t close = rest.find('}');
    const std::string_view body = rest.substr(1, close == std::string_view::npos ? 0 : close - 1);
    const std::size_t comma = body.find(',');
    const std::string_view low = body.substr(0, comma);
    const std::string_view high =
        comma == std::string_view::npos ? std::string_view() : body.substr(comma + 1);
    constexpr std::string_view kDigits = "0123456789";
    if ((low.empty() && high.empty()) || low.find_first_not_of(kDigits) != low.npos ||
        high.find_first_not_of(kDigits) != high.npos) {
      return Literal();
    }
    in_.Skip(close + 1);
    // Here '+' repeats again and {n}? is optional, where PCRE2 would not give back or be lazy.
    if (in_.rest().starts_with('+') ||
        (in_.rest().starts_with('?') && comma == std::string_view::npos)) {
      return Unsupported("has {} before + or ?");
    }
    const std::string_view separator = comma == std::string_view::npos ? "" : ",";
    Syntax(fmt::format("{{{}{}{}}}", low.empty() ? "0" : low, separator, high));
    return {};
  }

  Result<> OpenGroup() {
    in_.Skip(1);
    if (in_.SkipIf("?#")) {
      const std::size_t close = in_.rest().find(')');
      if (close == std::string_view::npos) return Invalid("has an open comment");
      in_.Skip(close + 1);
      return {};
    }
    for (const std::string_view look : {"?=", "?!", "?<=", "?<!", "?>", "?:"}) {
      if (in_.SkipIf(look)) return Open(fmt::format("({}", look));
    }
    if (in_.SkipIf("?<")) return OpenNamed();
    if (in_.SkipIf("?")) return Options();
    return Open("(?:");
  }

  Result<> Open(std::string_view syntax) {
    Syntax(syntax);
    Group group = groups_.back();
    group.inner_count = 0;
    groups_.push_back(group);
    return {};
  }

  // Nothing can refer to a name, so it is left out.
  Result<> OpenNamed() {
    const std::size_t close = in_.rest().find('>');
    if (close == std::string_view::npos) return Invalid("has a group with an open name");
    in_.Skip(close + 1);
    return Open("(?:");
  }

  // After "(?": the options of a group, or of all that follows in the group around.
  Result<> Options() {
    Group group = groups_.back();
    bool is_on = true;
    for (; !in_.is_done(); in_.Skip(1)) {
      const char c = in_.rest()[0];
      if (c == ')' || c == ':') break;
      if (c == '-') {
        is_on = false;
      } else if (c == 'i') {
        group.is_caseless = is_on;
      } else if (c == 'm') {
        group.has_newline_in_dot = is_on;
      } else {
        return Unsupported("has a group that is not known");
      }
    }
    if (in_.SkipIf(":")) {
      TRY(Open("(?:"));
      groups_.back().is_caseless = group.is_caseless;
      groups_.back().has_newline_in_dot = group.has_newline_in_dot;
      return {};
    }
    if (!in_.SkipIf(")")) return Invalid("has an open group");
    // As in Ruby, a(?i)b|c means a(?i:b|c).
    Syntax("(?:");
    ++group.inner_count;
    groups_.back() = group;
    return {};
  }

  Result<> CloseGroup() {
    in_.Skip(1);
    if (groups_.size() == 1) return Invalid("has a ')' too many");
    Close(groups_.back());
    groups_.pop_back();
    Syntax(")");
    return {};
  }

  void Close(const Group& group) { Syntax(std::string(group.inner_count, ')')); }

  AtomReader in_;
  SetPool& pool_;
  std::vector<Group> groups_;
  std::vector<PrePart> parts_;
};

// \s+$ in linear time: as written, every start inside a run of spaces is tried. If there is no
// match from the start of a run, there is none from inside it.
Result<std::vector<PrePart>> SpacesBeforeLineEnd(SetPool& pool) {
  TRY_ASSIGN(const std::size_t space, pool.Intern(Property("White_Space")));
  TRY_ASSIGN(const std::size_t newline, pool.Intern(CodePointSet::Of('\n')));
  return std::vector<PrePart>{{{}, space},   {"+(?:(?=", std::nullopt},
                              {{}, newline}, {R"()|\z)|)", std::nullopt},
                              {{}, space},   {"++(*SKIP)(*FAIL)", std::nullopt}};
}

}  // namespace

Result<std::size_t> SetPool::Intern(const CodePointSet& set) {
  const auto found = indices_.find(set);
  if (found != indices_.end()) return found->second;
  if (indices_.size() == kSetsMax) {
    return Fail(ErrorCode::kTooLarge, "pre-tokenizer patterns have over {} different classes",
                kSetsMax);
  }
  return indices_.emplace(set, indices_.size()).first->second;
}

std::vector<CodePointSet> SetPool::TakeSets() && {
  std::vector<CodePointSet> sets(indices_.size());
  for (const auto& [set, index] : indices_) sets[index] = set;
  return sets;
}

Result<std::vector<PrePart>> ParsePrePattern(std::string_view pattern, SetPool& pool) {
  if (pattern == R"(\s+$)") return SpacesBeforeLineEnd(pool);
  return PatternReader(pattern, pool).Read();
}

}  // namespace holdfast::tokenizer
