#include "tokenizer/unicode_property.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "tokenizer/unicode_data.h"

namespace holdfast::tokenizer {
namespace {

using Properties = std::map<std::string, CodePointSet, std::less<>>;

constexpr struct {
  std::string_view name;
  std::string_view short_name;
} kCategoryNames[] = {
    {"Uppercase_Letter", "lu"},    {"Lowercase_Letter", "ll"},  {"Titlecase_Letter", "lt"},
    {"Modifier_Letter", "lm"},     {"Other_Letter", "lo"},      {"Nonspacing_Mark", "mn"},
    {"Spacing_Mark", "mc"},        {"Enclosing_Mark", "me"},    {"Decimal_Number", "nd"},
    {"Letter_Number", "nl"},       {"Other_Number", "no"},      {"Connector_Punctuation", "pc"},
    {"Dash_Punctuation", "pd"},    {"Open_Punctuation", "ps"},  {"Close_Punctuation", "pe"},
    {"Initial_Punctuation", "pi"}, {"Final_Punctuation", "pf"}, {"Other_Punctuation", "po"},
    {"Math_Symbol", "sm"},         {"Currency_Symbol", "sc"},   {"Modifier_Symbol", "sk"},
    {"Other_Symbol", "so"},        {"Space_Separator", "zs"},   {"Line_Separator", "zl"},
    {"Paragraph_Separator", "zp"}, {"Control", "cc"},           {"Format", "cf"},
    {"Private_Use", "co"},
};

constexpr struct {
  std::string_view name;
  std::string_view initial;  // Of the short names that it comprises.
} kGroupNames[] = {
    {"letter", "l"},    {"mark", "m"},   {"number", "n"}, {"punctuation", "p"},
    {"separator", "z"}, {"symbol", "s"}, {"other", "c"},
};

// Long names and scripts are compared without case, spaces, '_' and '-'.
std::string Loose(std::string_view name) {
  std::string loose;
  for (const char c : name) {
    if (c == ' ' || c == '_' || c == '-') continue;
    loose += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  }
  return loose;
}

// The numbers of a table of unicode_data.h.
std::vector<std::int32_t> ReadNumbers(std::string_view text) {
  std::vector<std::int32_t> numbers;
  while (!text.empty()) {
    std::int32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    CHECK(error == std::errc());
    numbers.push_back(number);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    if (!text.empty()) text.remove_prefix(1);
  }
  return numbers;
}

CodePointSet ReadRuns(std::string_view gaps_and_lengths) {
  const std::vector<std::int32_t> numbers = ReadNumbers(gaps_and_lengths);
  CHECK(numbers.size() % 2 == 0);
  std::vector<CodePointRange> ranges;
  std::int32_t at = 0;
  for (std::size_t i = 0; i < numbers.size(); i += 2) {
    at += numbers[i];
    ranges.push_back({static_cast<char32_t>(at), static_cast<char32_t>(at + numbers[i + 1] - 1)});
    at += numbers[i + 1];
  }
  return CodePointSet(std::move(ranges));
}

void AddCategories(Properties& properties) {
  for (const UnicodeProperty& category : UnicodeCategories()) {
    properties[Loose(category.name)] = ReadRuns(category.gaps_and_lengths);
  }
  // Unassigned code points and surrogates are what no other category has.
  CodePointSet assigned;
  for (const auto& [name, short_name] : kCategoryNames) {
    const CodePointSet& set = properties.at(Loose(name));
    assigned = assigned.Union(set);
    properties[std::string(short_name)] = set;
  }
  const CodePointSet surrogates({{0xD800, 0xDFFF}});
  properties["surrogate"] = properties["cs"] = surrogates;
  properties["unassigned"] = properties["cn"] = assigned.Union(surrogates).Complement();
  for (const auto& [name, initial] : kGroupNames) {
    CodePointSet group;
    for (const auto& [other, set] : properties) {
      if (other.size() == 2 && other.starts_with(initial)) group = group.Union(set);
    }
    properties[std::string(name)] = group;
    properties[std::string(initial)] = std::move(group);
  }
  properties["lc"] = properties["casedletter"] =
      properties.at("lu").Union(properties.at("ll")).Union(properties.at("lt"));
}

Properties ReadProperties() {
  Properties properties;
  AddCategories(properties);
  for (const UnicodeProperty& script : UnicodeScripts()) {
    properties[Loose(script.name)] = ReadRuns(script.gaps_and_lengths);
  }
  for (const UnicodeProperty& property : UnicodeBinaryProperties()) {
    properties[Loose(property.name)] = ReadRuns(property.gaps_and_lengths);
  }
  properties["alphabetic"] =
      properties.at("l").Union(properties.at("nl")).Union(properties.at("otheralphabetic"));
  properties["any"] = CodePointSet::All();
  return properties;
}

// Code points and what they fold to; and the same the other way, with each target itself.
struct CaseFolds {
  std::vector<std::pair<char32_t, char32_t>> folded;
  std::vector<std::pair<char32_t, char32_t>> unfolded;
};

CaseFolds ReadCaseFolds() {
  const std::vector<std::int32_t> numbers = ReadNumbers(UnicodeCaseFolds());
  CHECK(numbers.size() % 4 == 0);
  CaseFolds folds;
  for (std::size_t i = 0; i < numbers.size(); i += 4) {
    for (std::int32_t step = 0; step < numbers[i + 1]; ++step) {
      const std::int32_t from = numbers[i] + step * numbers[i + 2];
      const auto to = static_cast<char32_t>(from + numbers[i + 3]);
      folds.folded.emplace_back(static_cast<char32_t>(from), to);
      folds.unfolded.emplace_back(to, static_cast<char32_t>(from));
      folds.unfolded.emplace_back(to, to);
    }
  }
  std::sort(folds.folded.begin(), folds.folded.end());
  std::sort(folds.unfolded.begin(), folds.unfolded.end());
  return folds;
}

// What the table maps the code points of a range to.
void AddMapped(const std::vector<std::pair<char32_t, char32_t>>& table, CodePointRange range,
               std::vector<CodePointRange>& out) {
  auto entry = std::lower_bound(table.begin(), table.end(), std::pair(range.first, char32_t{0}));
  for (; entry != table.end() && entry->first <= range.last; ++entry) {
    out.push_back({entry->second, entry->second});
  }
}

}  // namespace

const CodePointSet* FindUnicodeProperty(std::string_view name) {
  static const Properties kProperties = ReadProperties();
  const auto found = kProperties.find(Loose(name));
  return found == kProperties.end() ? nullptr : &found->second;
}

CodePointSet WithOtherCases(const CodePointSet& set) {
  static const CaseFolds kFolds = ReadCaseFolds();
  std::vector<CodePointRange> folded(set.ranges().begin(), set.ranges().end());
  for (const CodePointRange range : set.ranges()) AddMapped(kFolds.folded, range, folded);
  const CodePointSet with_folded(std::move(folded));
  std::vector<CodePointRange> all(with_folded.ranges().begin(), with_folded.ranges().end());
  for (const CodePointRange range : with_folded.ranges()) AddMapped(kFolds.unfolded, range, all);
  return CodePointSet(std::move(all));
}

}  // namespace holdfast::tokenizer
