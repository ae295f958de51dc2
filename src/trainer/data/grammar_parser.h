// Grammar parser: reads template files line by line into a DialogueGrammar, resolves every
// reference and measures every text, so that drawing can neither fail nor run away.
// Single-threaded; used once.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "trainer/data/dialogue_grammar.h"

namespace holdfast::trainer {

class GrammarParser {
 public:
  explicit GrammarParser(ComputedTables computed) { grammar_.computed_ = std::move(computed); }

  Result<void> ReadFile(const DialogueGrammar::File& file);
  Result<DialogueGrammar> Finish();

 private:
  enum class Block { kNone, kList, kTable, kDialogue };
  struct Place {
    std::string file;
    std::int64_t line;
  };
  // A text and the dialogue whose variables are in sight (index), or -1 in lists and tables.
  struct PlacedText {
    Place place;
    std::string text;
    std::int64_t dialogue;
  };
  // The most that a text can grow to.
  struct Extent {
    int depth = 0;
    std::size_t bytes = 0;
  };

  template <typename... Args>
  std::unexpected<Error> Bad(fmt::format_string<Args...> format, Args&&... args) const {
    return Fail(ErrorCode::kCorrupt, "{}:{}: {}", at_.file, at_.line,
                fmt::format(format, std::forward<Args>(args)...));
  }

  bool IsTaken(const std::string& name) const;
  Result<void> ReadHead(std::string_view line);
  Result<void> BeginTable(std::string_view fields);
  Result<void> BeginDialogue(std::string_view rest);
  Result<void> ReadIndented(std::string_view line);
  Result<void> AddAlternatives(std::string_view body);
  Result<void> AddRow(std::string_view line);
  Result<void> ReadDialogueLine(std::string_view line);
  Result<void> ReadDraws(std::string_view body, Dialogue& dialogue);
  Result<void> CheckBrackets(std::string_view text) const;

  bool HasField(const std::string& source, const std::string& field) const;
  Result<Extent> Measure(std::string_view text, std::int64_t dialogue);
  Result<Extent> MeasureReference(std::string_view written, std::int64_t dialogue);
  Result<Extent> MeasureSource(const std::string& name);
  Result<void> CheckExtent(const Extent& extent) const;

  DialogueGrammar grammar_;
  Place at_{"", 0};
  Block block_ = Block::kNone;
  std::string name_;  // Of the list or table being read.
  std::vector<PlacedText> texts_;
  std::vector<PlacedText> draws_;                       // text: the table or list drawn from.
  std::map<std::string, Extent, std::less<>> extents_;  // Of lists and tables.
  std::vector<std::string> measuring_;                  // Names on the way, to find circles.
};

}  // namespace holdfast::trainer
