#include "trainer/data/grammar_parser.h"

#include <algorithm>
#include <cctype>

#include "trainer/data/grammar_text.h"

namespace holdfast::trainer {
namespace {

using tokenizer::ChatMessage;

// What a computed table's field may hold.
constexpr std::size_t kComputedBytesMax = 512;
constexpr double kWeightDigitsMax = 6;

std::string_view Trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
    text.remove_suffix(1);
  }
  return text;
}

bool IsWeight(std::string_view word) {
  return word.starts_with('x') && word.size() > 1 && word.size() <= 1 + kWeightDigitsMax &&
         std::all_of(word.begin() + 1, word.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

Result<void> GrammarParser::ReadFile(const DialogueGrammar::File& file) {
  if (file.text.size() > DialogueGrammar::kFileBytesMax) {
    return Fail(ErrorCode::kTooLarge, "{}: {} bytes, the limit is {}", file.name, file.text.size(),
                DialogueGrammar::kFileBytesMax);
  }
  at_ = {file.name, 0};
  block_ = Block::kNone;
  std::string_view rest = file.text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    ++at_.line;
    const bool is_indented = line.starts_with(' ') || line.starts_with('\t');
    line = Trim(line);
    if (line.empty() || line.starts_with('#')) continue;
    TRY(is_indented ? ReadIndented(line) : ReadHead(line));
  }
  return {};
}

bool GrammarParser::IsTaken(const std::string& name) const {
  return grammar_.lists_.contains(name) || grammar_.tables_.contains(name) ||
         grammar_.computed_.contains(name);
}

Result<void> GrammarParser::ReadHead(std::string_view line) {
  const std::size_t space = std::min(line.find(' '), line.size());
  const std::string_view keyword = line.substr(0, space);
  const std::string_view rest = Trim(line.substr(space));
  if (keyword == "dialogue") return BeginDialogue(rest);
  const std::size_t colon = rest.find(':');
  if ((keyword != "list" && keyword != "table") || colon == std::string_view::npos) {
    return Bad("expected `list NAME:`, `table NAME:` or `dialogue NAME`");
  }
  name_ = Trim(rest.substr(0, colon));
  if (name_.empty() || IsTaken(name_)) return Bad("the name \"{}\" is empty or taken", name_);
  const std::string_view body = Trim(rest.substr(colon + 1));
  if (keyword == "table") return BeginTable(body);
  block_ = Block::kList;
  grammar_.lists_[name_] = {};
  return AddAlternatives(body);
}

Result<void> GrammarParser::BeginTable(std::string_view fields) {
  block_ = Block::kTable;
  DialogueGrammar::Table& table = grammar_.tables_[name_];
  for (std::size_t begin = 0; begin <= fields.size();) {
    const std::size_t comma = std::min(fields.find(',', begin), fields.size());
    table.fields.emplace_back(Trim(fields.substr(begin, comma - begin)));
    if (table.fields.back().empty()) return Bad("table {} has a field without a name", name_);
    begin = comma + 1;
  }
  return {};
}

Result<void> GrammarParser::BeginDialogue(std::string_view rest) {
  block_ = Block::kDialogue;
  Dialogue dialogue;
  for (std::size_t begin = 0; begin < rest.size();) {
    const std::size_t end = std::min(rest.find(' ', begin), rest.size());
    const std::string_view word = Trim(rest.substr(begin, end - begin));
    begin = end + 1;
    if (word.empty()) continue;
    if (dialogue.name.empty()) {
      dialogue.name = word;
    } else if (word == "exact") {
      dialogue.is_exact = true;
    } else if (word == "alone") {
      dialogue.is_alone = true;
    } else if (IsWeight(word)) {
      dialogue.weight = std::stod(std::string(word.substr(1)));
    } else {
      return Bad("dialogue {}: unknown word \"{}\"", dialogue.name, word);
    }
  }
  if (dialogue.name.empty()) return Bad("a dialogue needs a name");
  grammar_.dialogues_.push_back(std::move(dialogue));
  return {};
}

Result<void> GrammarParser::ReadIndented(std::string_view line) {
  switch (block_) {
    case Block::kNone:
      return Bad("an indented line belongs to nothing");
    case Block::kList:
      return AddAlternatives(line);
    case Block::kTable:
      return AddRow(line);
    case Block::kDialogue:
      return ReadDialogueLine(line);
  }
  return {};
}

Result<void> GrammarParser::AddAlternatives(std::string_view body) {
  if (body.empty()) return {};
  TRY(CheckBrackets(body));
  if (body.ends_with('|')) body.remove_suffix(1);
  if (body.starts_with('|')) body.remove_prefix(1);
  for (const std::string_view choice : SplitChoices(body)) {
    grammar_.lists_[name_].emplace_back(Trim(choice));
  }
  texts_.push_back({at_, std::string(body), -1});
  return {};
}

Result<void> GrammarParser::AddRow(std::string_view line) {
  TRY(CheckBrackets(line));
  DialogueGrammar::Table& table = grammar_.tables_[name_];
  std::vector<std::string> cells;
  for (const std::string_view cell : SplitChoices(line)) cells.emplace_back(Trim(cell));
  if (cells.size() != table.fields.size()) {
    return Bad("table {} has {} fields, this row {} cells", name_, table.fields.size(),
               cells.size());
  }
  table.rows.push_back(std::move(cells));
  texts_.push_back({at_, std::string(line), -1});
  return {};
}

Result<void> GrammarParser::ReadDialogueLine(std::string_view line) {
  Dialogue& dialogue = grammar_.dialogues_.back();
  if (line.starts_with("with ")) return ReadDraws(line.substr(5), dialogue);
  DialogueLine parsed;
  if (line.starts_with("S:")) {
    parsed.role = ChatMessage::Role::kSystem;
  } else if (line.starts_with("U:")) {
    parsed.role = ChatMessage::Role::kUser;
  } else if (line.starts_with("A:")) {
    parsed.role = ChatMessage::Role::kAssistant;
  } else {
    return Bad("expected `with`, `S:`, `U:` or `A:`");
  }
  parsed.text = Trim(line.substr(2));
  TRY(CheckBrackets(parsed.text));
  texts_.push_back({at_, parsed.text, static_cast<std::int64_t>(grammar_.dialogues_.size()) - 1});
  dialogue.lines.push_back(std::move(parsed));
  return {};
}

Result<void> GrammarParser::ReadDraws(std::string_view body, Dialogue& dialogue) {
  for (std::size_t begin = 0; begin < body.size();) {
    const std::size_t comma = std::min(body.find(',', begin), body.size());
    const std::string_view draw = body.substr(begin, comma - begin);
    begin = comma + 1;
    const std::size_t equals = draw.find('=');
    if (equals == std::string_view::npos) return Bad("expected `with x = NAME`");
    dialogue.draws.emplace_back(Trim(draw.substr(0, equals)), Trim(draw.substr(equals + 1)));
    draws_.push_back({at_, dialogue.draws.back().second, 0});
  }
  return {};
}

Result<void> GrammarParser::CheckBrackets(std::string_view text) const {
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] == '\\') {
      i += 2;
    } else if (text[i] == ')' || text[i] == ']' || text[i] == '}') {
      return Bad("a bracket closes that was not opened");
    } else if (text[i] == '(' || text[i] == '[' || text[i] == '{') {
      const std::size_t end = FindClose(text, i);
      if (end == std::string_view::npos) return Bad("a bracket is not closed");
      if (text[i] != '{') TRY(CheckBrackets(text.substr(i + 1, end - i - 2)));
      i = end;
    } else {
      ++i;
    }
  }
  return {};
}

Result<DialogueGrammar> GrammarParser::Finish() {
  for (const auto& [name, choices] : grammar_.lists_) {
    if (choices.empty()) return Fail(ErrorCode::kCorrupt, "list {} is empty", name);
  }
  for (const auto& [name, table] : grammar_.tables_) {
    if (table.rows.empty()) return Fail(ErrorCode::kCorrupt, "table {} has no rows", name);
  }
  for (const PlacedText& draw : draws_) {
    at_ = draw.place;
    if (!IsTaken(draw.text)) return Bad("no list or table \"{}\"", draw.text);
  }
  for (const PlacedText& text : texts_) {
    at_ = text.place;
    TRY_ASSIGN(const Extent extent, Measure(text.text, text.dialogue));
    TRY(CheckExtent(extent));
  }
  for (const Dialogue& dialogue : grammar_.dialogues_) {
    if (dialogue.lines.empty() || dialogue.lines.back().role != ChatMessage::Role::kAssistant) {
      return Fail(ErrorCode::kCorrupt, "dialogue {} does not end with the assistant",
                  dialogue.name);
    }
  }
  return std::move(grammar_);
}

Result<void> GrammarParser::CheckExtent(const Extent& extent) const {
  if (extent.depth > DialogueGrammar::kExpansionDepthMax) {
    return Bad("nested {} deep, the limit is {}", extent.depth,
               DialogueGrammar::kExpansionDepthMax);
  }
  if (extent.bytes > DialogueGrammar::kExpansionBytesMax) {
    return Bad("may grow to {} bytes, the limit is {}", extent.bytes,
               DialogueGrammar::kExpansionBytesMax);
  }
  return {};
}

Result<GrammarParser::Extent> GrammarParser::Measure(std::string_view text, std::int64_t dialogue) {
  Extent extent;
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '(' && text[i] != '[' && text[i] != '{') {
      ++extent.bytes;
      i += text[i] == '\\' ? 2 : 1;
      continue;
    }
    const std::size_t end = FindClose(text, i);
    const std::string_view inner = text.substr(i + 1, end - i - 2);
    Extent largest;
    if (text[i] == '{') {
      TRY_ASSIGN(largest, MeasureReference(inner, dialogue));
    } else {
      for (const std::string_view choice : SplitChoices(inner)) {
        TRY_ASSIGN(const Extent one, Measure(choice, dialogue));
        largest = {std::max(largest.depth, one.depth), std::max(largest.bytes, one.bytes)};
      }
    }
    extent.depth = std::max(extent.depth, largest.depth + 1);
    extent.bytes += largest.bytes;
    // Stops a doubling chain before the sum overflows.
    TRY(CheckExtent(extent));
    i = end;
  }
  return extent;
}

Result<GrammarParser::Extent> GrammarParser::MeasureReference(std::string_view written,
                                                              std::int64_t dialogue) {
  const GrammarReference reference = ParseReference(written);
  if (!reference.form.empty() && !IsForm(reference.form)) {
    return Bad("no form of a word in {{{}}}", written);
  }
  std::string source;
  if (dialogue >= 0) {
    for (const auto& [variable, name] :
         grammar_.dialogues_[static_cast<std::size_t>(dialogue)].draws) {
      if (variable == reference.variable) source = name;
    }
  }
  if (!source.empty()) {
    if (!reference.field.empty() && !HasField(source, reference.field)) {
      return Bad("\"{}\" has no field \"{}\"", source, reference.field);
    }
  } else if (reference.field.empty() && grammar_.lists_.contains(reference.variable)) {
    source = reference.variable;
  } else {
    return Bad("nothing is called \"{}\"", written);
  }
  TRY_ASSIGN(Extent extent, MeasureSource(source));
  // A spelled word has a dash after each letter; an article adds three bytes.
  if (!reference.form.empty()) extent.bytes = 2 * extent.bytes + 3;
  return extent;
}

Result<GrammarParser::Extent> GrammarParser::MeasureSource(const std::string& name) {
  if (grammar_.computed_.contains(name)) return Extent{0, kComputedBytesMax};
  if (const auto known = extents_.find(name); known != extents_.end()) return known->second;
  if (std::find(measuring_.begin(), measuring_.end(), name) != measuring_.end()) {
    return Bad("\"{}\" refers to itself", name);
  }
  measuring_.push_back(name);
  Extent largest;
  const auto widen = [&](const std::string& text) -> Result<void> {
    TRY_ASSIGN(const Extent one, Measure(text, -1));
    largest = {std::max(largest.depth, one.depth), std::max(largest.bytes, one.bytes)};
    return {};
  };
  if (const auto list = grammar_.lists_.find(name); list != grammar_.lists_.end()) {
    for (const std::string& choice : list->second) TRY(widen(choice));
  } else {
    for (const auto& row : grammar_.tables_.find(name)->second.rows) {
      for (const std::string& cell : row) TRY(widen(cell));
    }
  }
  measuring_.pop_back();
  extents_[name] = {largest.depth + 1, largest.bytes};
  return extents_[name];
}

bool GrammarParser::HasField(const std::string& source, const std::string& field) const {
  const std::vector<std::string>* fields = nullptr;
  if (const auto table = grammar_.tables_.find(source); table != grammar_.tables_.end()) {
    fields = &table->second.fields;
  } else if (const auto computed = grammar_.computed_.find(source);
             computed != grammar_.computed_.end()) {
    fields = &computed->second.fields;
  }
  return fields != nullptr && std::find(fields->begin(), fields->end(), field) != fields->end();
}

}  // namespace holdfast::trainer
