#include "trainer/data/dialogue_grammar.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "base/check.h"

namespace holdfast::trainer {
namespace {

using tokenizer::ChatMessage;

char Lower(char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); }

void Capitalise(std::string& text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
}

// Position after the bracket that closes the one at `open`, or npos.
std::size_t FindClose(std::string_view text, std::size_t open) {
  int depth = 0;
  for (std::size_t i = open; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\') {
      ++i;
    } else if (c == '(' || c == '[' || c == '{') {
      ++depth;
    } else if ((c == ')' || c == ']' || c == '}') && --depth == 0) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

std::vector<std::string_view> SplitChoices(std::string_view text) {
  std::vector<std::string_view> choices;
  std::size_t begin = 0;
  int depth = 0;
  for (std::size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == '|' && depth == 0)) {
      choices.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    } else if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '(' || text[i] == '[' || text[i] == '{') {
      ++depth;
    } else if (text[i] == ')' || text[i] == ']' || text[i] == '}') {
      --depth;
    }
  }
  return choices;
}

// The forms of `{form name}`.
bool IsForm(std::string_view form) {
  static constexpr std::array<std::string_view, 8> kForms = {"a",     "A",     "spell",   "length",
                                                             "upper", "lower", "initial", "final"};
  return std::find(kForms.begin(), kForms.end(), form) != kForms.end();
}

std::string ApplyForm(std::string_view form, const std::string& text) {
  if (form == "a" || form == "A") return std::string(ArticleFor(text)) + " " + text;
  std::string result;
  if (form == "upper" || form == "lower") {
    for (const char c : text) {
      const auto byte = static_cast<unsigned char>(c);
      result += static_cast<char>(form == "upper" ? std::toupper(byte) : std::tolower(byte));
    }
    return result;
  }
  if (text.empty()) return text;
  if (form == "initial") return std::string(1, text.front());
  if (form == "final") return std::string(1, text.back());
  if (form == "length") return fmt::format("{}", text.size());
  for (const char c : text) {  // "spell"
    if (!result.empty()) result += '-';
    result += static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  }
  return result;
}

}  // namespace

std::string_view ArticleFor(std::string_view word) {
  static constexpr std::array<std::string_view, 9> kConsonantSound = {
      "uni", "use", "euro", "one", "once", "ukulele", "ufo", "ewe", "eucalyptus"};
  static constexpr std::array<std::string_view, 3> kVowelSound = {"hour", "honest", "heir"};
  std::string lower(word.substr(0, 12));
  std::transform(lower.begin(), lower.end(), lower.begin(), Lower);
  for (const std::string_view prefix : kVowelSound) {
    if (lower.starts_with(prefix)) return "an";
  }
  for (const std::string_view prefix : kConsonantSound) {
    if (lower.starts_with(prefix) && !lower.starts_with("unin") && !lower.starts_with("unim")) {
      return "a";
    }
  }
  return !lower.empty() && std::string_view("aeiou8").find(lower[0]) != std::string_view::npos
             ? "an"
             : "a";
}

// Walks one template text and appends what it draws. References were resolved at parsing.
class TextExpander {
 public:
  TextExpander(const DialogueGrammar& grammar, const DialogueGrammar::Bindings& bindings,
               SplitMix64& random)
      : grammar_(grammar), bindings_(bindings), random_(random) {}

  void Append(std::string_view text, int depth, std::string& out) {
    CHECK_MSG(depth <= DialogueGrammar::kExpansionDepthMax, "templates: endless list: {}", text);
    CHECK_MSG(out.size() <= DialogueGrammar::kExpansionBytesMax, "templates: too long: {}", text);
    for (std::size_t i = 0; i < text.size();) {
      if (text[i] == '\\' && i + 1 < text.size()) {
        out += text[i + 1] == 'n' ? '\n' : text[i + 1];
        i += 2;
      } else if (text[i] == '(' || text[i] == '[' || text[i] == '{') {
        const std::size_t end = FindClose(text, i);
        const std::string_view inner = text.substr(i + 1, end - i - 2);
        if (text[i] == '{') {
          AppendReference(inner, depth, out);
        } else if (text[i] == '(' || random_.Below(2) == 0) {
          const auto choices = SplitChoices(inner);
          Append(choices[random_.Below(choices.size())], depth + 1, out);
        }
        i = end;
      } else {
        out += text[i++];
      }
    }
  }

 private:
  void AppendReference(std::string_view reference, int depth, std::string& out) {
    bool is_capital = reference.starts_with("A ");
    std::string_view form;
    if (const std::size_t space = reference.find(' '); space != std::string_view::npos) {
      form = reference.substr(0, space);
      reference.remove_prefix(space + 1);
    }
    std::string name(reference);
    if (!name.empty() && name[0] >= 'A' && name[0] <= 'Z') {
      is_capital = true;
      name[0] = Lower(name[0]);
    }
    std::string drawn;
    const std::size_t dot = name.find('.');
    const auto bound = bindings_.find(name.substr(0, dot));
    if (bound != bindings_.end()) {
      drawn = bound->second.find(dot == std::string::npos ? "" : name.substr(dot + 1))->second;
    } else {
      const auto& choices = grammar_.lists_.find(name)->second;
      Append(choices[random_.Below(choices.size())], depth + 1, drawn);
    }
    if (!form.empty()) drawn = ApplyForm(form, drawn);
    if (is_capital) Capitalise(drawn);
    out += drawn;
  }

  const DialogueGrammar& grammar_;
  const DialogueGrammar::Bindings& bindings_;
  SplitMix64& random_;
};

std::string DialogueGrammar::Expand(std::string_view text, const Bindings& bindings,
                                    SplitMix64& random, int depth) const {
  std::string out;
  TextExpander(*this, bindings, random).Append(text, depth, out);
  // A skipped option leaves two spaces behind.
  std::string clean;
  for (const char c : out) {
    if (c == ' ' && (clean.empty() || clean.back() == ' ' || clean.back() == '\n')) continue;
    clean += c;
  }
  while (clean.ends_with(' ')) clean.pop_back();
  return clean;
}

GrammarRow DialogueGrammar::DrawRow(const std::string& name, const Bindings& bindings,
                                    SplitMix64& random) const {
  if (const auto computed = computed_.find(name); computed != computed_.end()) {
    return computed->second.draw(random);
  }
  GrammarRow row;
  if (const auto list = lists_.find(name); list != lists_.end()) {
    row[""] = Expand(list->second[random.Below(list->second.size())], bindings, random, 1);
    return row;
  }
  const Table& table = tables_.find(name)->second;
  const std::vector<std::string>& cells = table.rows[random.Below(table.rows.size())];
  for (std::size_t i = 0; i < cells.size(); ++i) {
    row[table.fields[i]] = Expand(cells[i], bindings, random, 1);
  }
  row[""] = row[table.fields[0]];
  return row;
}

std::vector<ChatMessage> DialogueGrammar::Draw(const Dialogue& dialogue, SplitMix64& random) const {
  // Two draws from one small table differ after a few tries; a table of one row may repeat.
  constexpr int kDistinctTriesMax = 50;
  Bindings bindings;
  std::map<std::string, std::vector<std::string>, std::less<>> drawn;
  for (const auto& [variable, table] : dialogue.draws) {
    std::vector<std::string>& before = drawn[table];
    GrammarRow row;
    for (int i = 0; i < kDistinctTriesMax; ++i) {
      row = DrawRow(table, bindings, random);
      if (std::find(before.begin(), before.end(), row[""]) == before.end()) break;
    }
    before.push_back(row[""]);
    bindings[variable] = std::move(row);
  }
  std::vector<ChatMessage> messages;
  for (const DialogueLine& line : dialogue.lines) {
    messages.push_back({line.role, Expand(line.text, bindings, random, 0)});
  }
  return messages;
}

// Reads the files line by line, then resolves every reference.
class GrammarParser {
 public:
  explicit GrammarParser(ComputedTables computed) { grammar_.computed_ = std::move(computed); }

  Result<void> ReadFile(const DialogueGrammar::File& file) {
    if (file.text.size() > DialogueGrammar::kFileBytesMax) {
      return Fail(ErrorCode::kTooLarge, "{}: {} bytes, the limit is {}", file.name,
                  file.text.size(), DialogueGrammar::kFileBytesMax);
    }
    file_ = file.name;
    line_ = 0;
    block_ = Block::kNone;
    std::string_view rest = file.text;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      std::string_view line = rest.substr(0, end);
      rest.remove_prefix(std::min(end + 1, rest.size()));
      ++line_;
      const bool is_indented = line.starts_with(' ') || line.starts_with('\t');
      line = Trim(line);
      if (line.empty() || line.starts_with('#')) continue;
      TRY(is_indented ? ReadIndented(line) : ReadHead(line));
    }
    return {};
  }

  Result<DialogueGrammar> Finish() {
    for (const Reference& reference : references_) TRY(Resolve(reference));
    for (const Dialogue& dialogue : grammar_.dialogues_) {
      if (dialogue.lines.empty() || dialogue.lines.back().role != ChatMessage::Role::kAssistant) {
        return Fail(ErrorCode::kCorrupt, "dialogue {} does not end with the assistant",
                    dialogue.name);
      }
    }
    for (const auto& [name, table] : grammar_.tables_) {
      if (table.rows.empty()) return Fail(ErrorCode::kCorrupt, "table {} has no rows", name);
    }
    return std::move(grammar_);
  }

 private:
  enum class Block { kNone, kList, kTable, kDialogue };
  // `dialogue`: index of the dialogue whose variables are in sight, -1 in a list, or in a table.
  struct Reference {
    std::string file;
    std::int64_t line;
    std::string text;
    std::int64_t dialogue;
  };

  static std::string_view Trim(std::string_view text) {
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front()))) {
      text.remove_prefix(1);
    }
    while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back()))) {
      text.remove_suffix(1);
    }
    return text;
  }

  template <typename... Args>
  std::unexpected<Error> Bad(fmt::format_string<Args...> format, Args&&... args) const {
    return Fail(ErrorCode::kCorrupt, "{}:{}: {}", file_, line_,
                fmt::format(format, std::forward<Args>(args)...));
  }

  bool IsTaken(const std::string& name) const {
    return grammar_.lists_.contains(name) || grammar_.tables_.contains(name) ||
           grammar_.computed_.contains(name);
  }

  Result<void> ReadHead(std::string_view line) {
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
    if (keyword == "list") {
      block_ = Block::kList;
      grammar_.lists_[name_] = {};
      return AddAlternatives(body);
    }
    block_ = Block::kTable;
    DialogueGrammar::Table& table = grammar_.tables_[name_];
    for (std::size_t begin = 0; begin <= body.size();) {
      const std::size_t comma = std::min(body.find(',', begin), body.size());
      table.fields.emplace_back(Trim(body.substr(begin, comma - begin)));
      if (table.fields.back().empty()) return Bad("table {} has a field without a name", name_);
      begin = comma + 1;
    }
    return {};
  }

  Result<void> BeginDialogue(std::string_view rest) {
    block_ = Block::kDialogue;
    Dialogue dialogue;
    for (std::size_t begin = 0; begin < rest.size();) {
      const std::size_t end = std::min(rest.find(' ', begin), rest.size());
      const std::string word(Trim(rest.substr(begin, end - begin)));
      begin = end + 1;
      if (dialogue.name.empty()) {
        dialogue.name = word;
      } else if (word == "exact") {
        dialogue.is_exact = true;
      } else if (word == "alone") {
        dialogue.is_alone = true;
      } else if (word.starts_with('x') && word.size() > 1 && word.size() < 8 &&
                 std::all_of(word.begin() + 1, word.end(),
                             [](char c) { return c >= '0' && c <= '9'; })) {
        dialogue.weight = std::stod(word.substr(1));
      } else {
        return Bad("dialogue {}: unknown word \"{}\"", dialogue.name, word);
      }
    }
    if (dialogue.name.empty()) return Bad("a dialogue needs a name");
    grammar_.dialogues_.push_back(std::move(dialogue));
    return {};
  }

  Result<void> AddAlternatives(std::string_view body) {
    if (body.empty()) return {};
    TRY(CheckBrackets(body));
    if (body.ends_with('|')) body.remove_suffix(1);
    if (body.starts_with('|')) body.remove_prefix(1);
    for (const std::string_view choice : SplitChoices(body)) {
      grammar_.lists_[name_].emplace_back(Trim(choice));
    }
    references_.push_back({file_, line_, std::string(body), -1});
    return {};
  }

  Result<void> ReadIndented(std::string_view line) {
    switch (block_) {
      case Block::kNone:
        return Bad("an indented line belongs to nothing");
      case Block::kList:
        return AddAlternatives(line);
      case Block::kTable: {
        TRY(CheckBrackets(line));
        DialogueGrammar::Table& table = grammar_.tables_[name_];
        std::vector<std::string> cells;
        for (const std::string_view cell : SplitChoices(line)) cells.emplace_back(Trim(cell));
        if (cells.size() != table.fields.size()) {
          return Bad("table {} has {} fields, this row {} cells", name_, table.fields.size(),
                     cells.size());
        }
        table.rows.push_back(std::move(cells));
        references_.push_back({file_, line_, std::string(line), -1});
        return {};
      }
      case Block::kDialogue:
        return ReadDialogueLine(line);
    }
    return {};
  }

  Result<void> ReadDialogueLine(std::string_view line) {
    Dialogue& dialogue = grammar_.dialogues_.back();
    if (line.starts_with("with ")) return ReadDraws(line.substr(5), dialogue);
    if (line.size() < 3 || line[1] != ':') return Bad("expected `with`, `S:`, `U:` or `A:`");
    DialogueLine parsed;
    switch (line[0]) {
      case 'S':
        parsed.role = ChatMessage::Role::kSystem;
        break;
      case 'U':
        parsed.role = ChatMessage::Role::kUser;
        break;
      case 'A':
        parsed.role = ChatMessage::Role::kAssistant;
        break;
      default:
        return Bad("expected `with`, `S:`, `U:` or `A:`");
    }
    parsed.text = Trim(line.substr(2));
    TRY(CheckBrackets(parsed.text));
    references_.push_back(
        {file_, line_, parsed.text, static_cast<std::int64_t>(grammar_.dialogues_.size()) - 1});
    dialogue.lines.push_back(std::move(parsed));
    return {};
  }

  Result<void> ReadDraws(std::string_view body, Dialogue& dialogue) {
    for (std::size_t begin = 0; begin < body.size();) {
      const std::size_t comma = std::min(body.find(',', begin), body.size());
      const std::string_view draw = body.substr(begin, comma - begin);
      begin = comma + 1;
      const std::size_t equals = draw.find('=');
      if (equals == std::string_view::npos) return Bad("expected `with x = NAME`");
      dialogue.draws.emplace_back(Trim(draw.substr(0, equals)), Trim(draw.substr(equals + 1)));
      draw_places_.push_back({file_, line_, dialogue.draws.back().second, 0});
    }
    return {};
  }

  Result<void> CheckBrackets(std::string_view text) const {
    for (std::size_t i = 0; i < text.size();) {
      if (text[i] == '\\') {
        i += 2;
      } else if (text[i] == ')' || text[i] == ']' || text[i] == '}') {
        return Bad("a bracket closes that was not opened");
      } else if (text[i] == '(' || text[i] == '[' || text[i] == '{') {
        const std::size_t end = FindClose(text, i);
        if (end == std::string_view::npos) return Bad("a bracket is not closed");
        i = end;
      } else {
        ++i;
      }
    }
    return {};
  }

  Result<void> Resolve(const Reference& reference) {
    file_ = reference.file;
    line_ = reference.line;
    const std::string_view text = reference.text;
    for (std::size_t i = 0; i < text.size(); ++i) {
      if (text[i] == '\\') {
        ++i;
      } else if (text[i] == '{') {
        const std::size_t end = text.find('}', i);
        TRY(ResolveName(text.substr(i + 1, end - i - 1), reference.dialogue));
      }
    }
    for (const Reference& draw : draw_places_) {
      if (!IsTaken(draw.text)) {
        return Fail(ErrorCode::kCorrupt, "{}:{}: no list or table \"{}\"", draw.file, draw.line,
                    draw.text);
      }
    }
    draw_places_.clear();
    return {};
  }

  Result<void> ResolveName(std::string_view written, std::int64_t dialogue_index) const {
    if (const std::size_t space = written.find(' '); space != std::string_view::npos) {
      if (!IsForm(written.substr(0, space))) return Bad("no form of a word in {{{}}}", written);
      written.remove_prefix(space + 1);
    }
    std::string name(written);
    if (!name.empty()) name[0] = Lower(name[0]);
    const std::size_t dot = name.find('.');
    const std::string variable = name.substr(0, dot);
    const std::string field = dot == std::string::npos ? "" : name.substr(dot + 1);
    if (dialogue_index >= 0) {
      const Dialogue& dialogue = grammar_.dialogues_[static_cast<std::size_t>(dialogue_index)];
      for (const auto& [bound, source] : dialogue.draws) {
        if (bound == variable) {
          if (field.empty() || HasField(source, field)) return {};
          return Bad("\"{}\" has no field \"{}\"", source, field);
        }
      }
    }
    if (field.empty() && grammar_.lists_.contains(name)) return {};
    return Bad("nothing is called \"{}\"", written);
  }

  bool HasField(const std::string& source, const std::string& field) const {
    const std::vector<std::string>* fields = nullptr;
    if (const auto table = grammar_.tables_.find(source); table != grammar_.tables_.end()) {
      fields = &table->second.fields;
    } else if (const auto computed = grammar_.computed_.find(source);
               computed != grammar_.computed_.end()) {
      fields = &computed->second.fields;
    }
    return fields != nullptr && std::find(fields->begin(), fields->end(), field) != fields->end();
  }

  DialogueGrammar grammar_;
  std::string file_;
  std::int64_t line_ = 0;
  Block block_ = Block::kNone;
  std::string name_;
  std::vector<Reference> references_;
  std::vector<Reference> draw_places_;
};

Result<DialogueGrammar> DialogueGrammar::Parse(const std::vector<File>& files,
                                               ComputedTables computed) {
  GrammarParser parser(std::move(computed));
  for (const File& file : files) TRY(parser.ReadFile(file));
  return parser.Finish();
}

}  // namespace holdfast::trainer
