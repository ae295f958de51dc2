#include "trainer/data/drills.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "base/check.h"

namespace holdfast::trainer {
namespace {

int Between(SplitMix64& random, int low, int high) {
  const int count = high - low + 1;
  return low + static_cast<int>(random.Below(static_cast<std::uint64_t>(count)));
}

std::string Text(int number) { return fmt::format("{}", number); }

// Operands: mostly one digit, as people ask, and enough of two digits to learn the carry.
int Operand(SplitMix64& random) {
  return random.Below(5) < 3 ? Between(random, 0, 12) : Between(random, 0, 99);
}

std::string Run(int from, int to) {
  std::string list;
  const int step = from <= to ? 1 : -1;
  for (int number = from;; number += step) {
    if (!list.empty()) list += ", ";
    list += Text(number);
    if (number == to) return list;
  }
}

GrammarRow Row(std::initializer_list<std::pair<std::string, std::string>> fields) {
  GrammarRow row;
  for (const auto& [name, text] : fields) row[name] = text;
  row[""] = fields.begin()->second;
  return row;
}

GrammarRow DrawSum(SplitMix64& random) {
  const int a = Operand(random);
  const int b = Operand(random);
  return Row({{"a", Text(a)},
              {"b", Text(b)},
              {"answer", Text(a + b)},
              {"a_word", NumberWord(a)},
              {"b_word", NumberWord(b)}});
}

GrammarRow DrawDifference(SplitMix64& random) {
  const int x = Operand(random);
  const int y = Operand(random);
  const int a = std::max(x, y);
  const int b = std::min(x, y);
  return Row({{"a", Text(a)},
              {"b", Text(b)},
              {"answer", Text(a - b)},
              {"a_word", NumberWord(a)},
              {"b_word", NumberWord(b)}});
}

GrammarRow DrawDouble(SplitMix64& random) {
  const int a = Between(random, 0, 50);
  return Row({{"a", Text(a)}, {"answer", Text(2 * a)}});
}

GrammarRow DrawCompare(SplitMix64& random) {
  const int a = Between(random, 0, 99);
  int b = Between(random, 0, 98);
  if (b >= a) ++b;
  return Row({{"a", Text(a)},
              {"b", Text(b)},
              {"bigger", Text(std::max(a, b))},
              {"smaller", Text(std::min(a, b))}});
}

GrammarRow DrawCount(SplitMix64& random) {
  const int from = random.Below(2) == 0 ? 1 : Between(random, 0, 40);
  const int to = from + Between(random, 2, from == 1 ? 19 : 10);
  return Row({{"from", Text(from)}, {"to", Text(to)}, {"list", Run(from, to)}});
}

GrammarRow DrawCountdown(SplitMix64& random) {
  const int from = random.Below(2) == 0 ? 10 : Between(random, 3, 20);
  const int to = random.Below(3) == 0 ? 0 : 1;
  return Row({{"from", Text(from)}, {"to", Text(to)}, {"list", Run(from, to)}});
}

GrammarRow DrawNext(SplitMix64& random) {
  const int a = Between(random, 1, 98);
  return Row({{"a", Text(a)}, {"after", Text(a + 1)}, {"before", Text(a - 1)}});
}

GrammarRow DrawSmall(SplitMix64& random) {
  const int n = Between(random, 1, 12);
  return Row({{"n", Text(n)}, {"word", NumberWord(n)}, {"plural", n == 1 ? "" : "s"}});
}

}  // namespace

std::string NumberWord(int number) {
  static constexpr std::array<const char*, 20> kSmall = {
      "zero",     "one",     "two",     "three",     "four",     "five",    "six",
      "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",  "thirteen",
      "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"};
  static constexpr std::array<const char*, 10> kTens = {
      "", "", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"};
  CHECK(number >= 0 && number < 100);
  if (number < 20) return kSmall[static_cast<std::size_t>(number)];
  const std::string tens = kTens[static_cast<std::size_t>(number / 10)];
  return number % 10 == 0 ? tens : tens + "-" + kSmall[static_cast<std::size_t>(number % 10)];
}

ComputedTables MakeDrills() {
  ComputedTables tables;
  tables["sum"] = {{"a", "b", "answer", "a_word", "b_word"}, DrawSum};
  tables["difference"] = {{"a", "b", "answer", "a_word", "b_word"}, DrawDifference};
  tables["double"] = {{"a", "answer"}, DrawDouble};
  tables["compare"] = {{"a", "b", "bigger", "smaller"}, DrawCompare};
  tables["count"] = {{"from", "to", "list"}, DrawCount};
  tables["countdown"] = {{"from", "to", "list"}, DrawCountdown};
  tables["next"] = {{"a", "after", "before"}, DrawNext};
  tables["small"] = {{"n", "word", "plural"}, DrawSmall};
  return tables;
}

}  // namespace holdfast::trainer
