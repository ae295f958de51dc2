// Dialogue grammar: short chats written as templates, from which a generator draws thousands of
// varied examples for fine-tuning. A file has, from the start of a line,
//
//   list NAME: text | text | ...            alternatives; may go on in indented lines
//   table NAME: field, field, ...           rows follow, indented, cells divided by `|`
//   dialogue NAME xWEIGHT [exact] [alone]   lines follow, indented:
//     with x = NAME, y = NAME               draws rows; two of one table are different rows
//     S: text   U: text   A: text           system, user, assistant
//
// and `#` comments. In a text `{name}` is one alternative of a list, or the first field of what was
// drawn as `name`; `{x.field}` another field; `{Name}` begins with a capital; `{a x}` puts "a" or
// "an" before, `{spell x}` writes F-O-X, and {length x}, {upper x}, {lower x}, {initial x},
// {final x} are what they say; `(one|two|)` is a choice, `[one|two]` a choice that is there
// half of the time; `\`
// takes the next character as it is. `exact`: the user's words keep their spelling (otherwise a
// part of them lose capitals and punctuation, as typed in haste). `alone`: never chained into a
// longer chat. Immutable after parsing, thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/chat_template.h"
#include "trainer/data/hash64.h"

namespace holdfast::trainer {

// One drawn row: field name -> text. The field "" is the first one.
using GrammarRow = std::map<std::string, std::string, std::less<>>;

// A table whose rows are computed (sums, spelling): see drills.h.
struct ComputedTable {
  std::vector<std::string> fields;
  std::function<GrammarRow(SplitMix64&)> draw;
};
using ComputedTables = std::map<std::string, ComputedTable, std::less<>>;

struct DialogueLine {
  tokenizer::ChatMessage::Role role;
  std::string text;
};

struct Dialogue {
  std::string name;
  double weight = 1;
  bool is_exact = false;
  bool is_alone = false;
  std::vector<std::pair<std::string, std::string>> draws;  // Variable, table or list.
  std::vector<DialogueLine> lines;
};

class DialogueGrammar {
 public:
  static constexpr std::size_t kFileBytesMax = 4 << 20;
  static constexpr int kExpansionDepthMax = 32;
  static constexpr std::size_t kExpansionBytesMax = 16 << 10;

  struct File {
    std::string name;  // For errors.
    std::string text;
  };
  // Names are shared among the files. Every reference is resolved here, so drawing cannot fail.
  // Errors: kCorrupt with file and line, kTooLarge.
  [[nodiscard]] static Result<DialogueGrammar> Parse(const std::vector<File>& files,
                                                     ComputedTables computed);

  const std::vector<Dialogue>& dialogues() const { return dialogues_; }
  // One chat of that dialogue, before any roughening of the user's words.
  std::vector<tokenizer::ChatMessage> Draw(const Dialogue& dialogue, SplitMix64& random) const;
  // One alternative of a list, which must exist (HasList).
  std::string DrawFromList(const std::string& list, SplitMix64& random) const;
  bool HasList(const std::string& list) const { return lists_.contains(list); }

 private:
  struct Table {
    std::vector<std::string> fields;
    std::vector<std::vector<std::string>> rows;
  };
  using Bindings = std::map<std::string, GrammarRow, std::less<>>;
  friend class GrammarParser;
  friend class TextExpander;

  GrammarRow DrawRow(const std::string& name, const Bindings& bindings, SplitMix64& random) const;
  std::string Expand(std::string_view text, const Bindings& bindings, SplitMix64& random,
                     int depth) const;

  std::map<std::string, std::vector<std::string>, std::less<>> lists_;
  std::map<std::string, Table, std::less<>> tables_;
  ComputedTables computed_;
  std::vector<Dialogue> dialogues_;
};

}  // namespace holdfast::trainer
