// Drills: the computed tables of the dialogue grammar, for what is better counted than listed:
// sums, differences, comparisons, counting. Thread-safe.
#pragma once

#include "trainer/data/dialogue_grammar.h"

namespace holdfast::trainer {

// sum         a, b, answer          0..99 each; three of five have one digit
// difference  a, b, answer          a >= b
// double      a, answer             0..50
// compare     a, b, bigger, smaller two different numbers below 100
// count       from, to, list        "3, 4, 5, 6"
// countdown   from, to, list
// next        a, after, before      1..98
// small       n, word, plural       a number from 1 to 12, its word, "" or "s"
ComputedTables MakeDrills();

// "zero" to "ninety-nine".
std::string NumberWord(int number);

}  // namespace holdfast::trainer
