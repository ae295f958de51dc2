#include "trainer/data/dialogue_grammar.h"

#include <algorithm>

#include "base/check.h"
#include "trainer/data/grammar_parser.h"
#include "trainer/data/grammar_text.h"

namespace holdfast::trainer {
namespace {

using tokenizer::ChatMessage;

void Capitalise(std::string& text) {
  if (!text.empty() && text[0] >= 'a' && text[0] <= 'z') {
    text[0] = static_cast<char>(text[0] - 'a' + 'A');
  }
}

}  // namespace

// Walks one template text and appends what it draws. References were resolved at parsing.
class TextExpander {
 public:
  TextExpander(const DialogueGrammar& grammar, const DialogueGrammar::Bindings& bindings,
               SplitMix64& random)
      : grammar_(grammar), bindings_(bindings), random_(random) {}

  void Append(std::string_view text, int depth, std::string& out) {
    CHECK(depth <= DialogueGrammar::kExpansionDepthMax);  // The parser has measured it.
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
  void AppendReference(std::string_view written, int depth, std::string& out) {
    const GrammarReference reference = ParseReference(written);
    std::string drawn;
    if (const auto bound = bindings_.find(reference.variable); bound != bindings_.end()) {
      drawn = bound->second.find(reference.field)->second;
    } else {
      const auto& choices = grammar_.lists_.find(reference.variable)->second;
      Append(choices[random_.Below(choices.size())], depth + 1, drawn);
    }
    if (!reference.form.empty()) drawn = ApplyForm(reference.form, drawn);
    if (reference.is_capital) Capitalise(drawn);
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

std::string DialogueGrammar::DrawFromList(const std::string& list, SplitMix64& random) const {
  CHECK(HasList(list));
  return DrawRow(list, {}, random)[""];
}

Result<DialogueGrammar> DialogueGrammar::Parse(const std::vector<File>& files,
                                               ComputedTables computed) {
  GrammarParser parser(std::move(computed));
  for (const File& file : files) TRY(parser.ReadFile(file));
  return parser.Finish();
}

}  // namespace holdfast::trainer
