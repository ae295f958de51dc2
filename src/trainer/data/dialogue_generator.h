// Dialogue generator: draws chats from a grammar by the dialogues' weights, roughens a part of the
// user's words, chains some dialogues into longer chats, and drops exact repeats. A pure function
// of (grammar, options). Thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "trainer/data/corpus_reader.h"
#include "trainer/data/dialogue_grammar.h"

namespace holdfast::trainer {

struct GeneratorOptions {
  std::int64_t count = 0;  // Chats drawn; repeats among them are dropped, so fewer come back.
  std::uint64_t seed = 1;
  std::vector<std::string> only = {};  // Names of the dialogues to draw; empty: all.
  double rough_share = 0.4;            // Of the user's messages.
  double chained_share = 0.3;          // Of the chats: 2 to 4 dialogues in a row, some more.
  // Share of the chats that get a system message before them, an alternative of this list.
  double system_share = 0;
  std::string system_list = {};
  std::int64_t chain_bytes_max = 1600;  // A chain ends before it grows over this.
};

struct GeneratedChats {
  std::vector<Document> chats;
  std::int64_t repeat_count = 0;
  // By dialogue, in the grammar's order: chats that begin with it and were kept.
  std::vector<std::int64_t> kept;
};

GeneratedChats GenerateDialogues(const DialogueGrammar& grammar, const GeneratorOptions& options);

// As typed in haste: lower case, no final punctuation, no apostrophes; a random part of these.
std::string Roughen(std::string_view text, SplitMix64& random);

}  // namespace holdfast::trainer
