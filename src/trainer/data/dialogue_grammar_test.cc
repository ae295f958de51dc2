#include "trainer/data/dialogue_grammar.h"

#include <set>

#include <gtest/gtest.h>

#include "trainer/data/dialogue_generator.h"
#include "trainer/data/drills.h"
#include "trainer/data/grammar_text.h"

namespace holdfast::trainer {
namespace {

Result<DialogueGrammar> Parse(const std::string& text) {
  return DialogueGrammar::Parse({{"t.txt", text}}, MakeDrills());
}

// All different first answers in 300 draws of the first dialogue.
std::set<std::string> Answers(const std::string& text) {
  const auto grammar = Parse(text);
  EXPECT_TRUE(grammar) << grammar.error().message;
  std::set<std::string> answers;
  SplitMix64 random(1);
  for (int i = 0; i < 300; ++i) {
    answers.insert(grammar->Draw(grammar->dialogues()[0], random).back().content);
  }
  return answers;
}

using Set = std::set<std::string>;

TEST(DialogueGrammar, ExpandsChoicesOptionsAndLists) {
  EXPECT_EQ(Answers("list c: red | blue\ndialogue d\n U: x\n A: (a|b) {c}[ end]"),
            (Set{"a red", "a blue", "b red", "b blue", "a red end", "a blue end", "b red end",
                 "b blue end"}));
}

TEST(DialogueGrammar, OptionsMayHoldChoicesAndLeaveNoDoubleSpaces) {
  EXPECT_EQ(Answers("dialogue d\n U: x\n A: go [(up|down)] now"),
            (Set{"go now", "go up now", "go down now"}));
  EXPECT_EQ(Answers("dialogue d\n U: x\n A: go[ a| b]!"), (Set{"go!", "go a!", "go b!"}));
}

TEST(DialogueGrammar, RowsKeepTheirFieldsTogether) {
  EXPECT_EQ(Answers("table o: word, other\n  hot | cold\n  big | small\n"
                    "dialogue d\n with x = o\n U: {x}\n A: {X} is not {x.other}."),
            (Set{"Hot is not cold.", "Big is not small."}));
}

TEST(DialogueGrammar, CellsAreExpandedOncePerDraw) {
  EXPECT_EQ(Answers("list n: Pip | Lulu\ntable h: kind, name\n  fox | {n}\n"
                    "dialogue d\n with x = h\n U: a\n A: {x.name} {x.name}"),
            (Set{"Pip Pip", "Lulu Lulu"}));
}

TEST(DialogueGrammar, TwoDrawsOfOneTableDiffer) {
  EXPECT_EQ(Answers("list c: a | b\ndialogue d\n with x = c, y = c\n U: q\n A: {x}{y}"),
            (Set{"ab", "ba"}));
}

TEST(DialogueGrammar, FormsOfAWord) {
  EXPECT_EQ(Answers("list w: owl\ndialogue d\n with x = w\n U: q\n"
                    " A: {a x} {A x} {X} {spell x} {length x} {upper x} {initial x} {final x}"),
            (Set{"an owl An owl Owl O-W-L 3 OWL o l"}));
  EXPECT_EQ(ArticleFor("unicorn"), "a");
  EXPECT_EQ(ArticleFor("hour"), "an");
  EXPECT_EQ(ArticleFor("umbrella"), "an");
  EXPECT_EQ(ArticleFor("uninvited guest"), "an");
}

TEST(DialogueGrammar, NamesFileAndLineOfEachFault) {
  static constexpr struct {
    const char* text;
    const char* says;
  } kCases[] = {
      {"nonsense", "t.txt:1"},
      {"  indented", "belongs to nothing"},
      {"list a: x\nlist a: y", "t.txt:2"},
      {"list a: (x", "not closed"},
      {"list a: x)", "not opened"},
      {"table t: a, b\n  1 | 2 | 3", "2 fields, this row 3"},
      {"dialogue d\n U: hi", "does not end with the assistant"},
      {"dialogue d\n U: hi\n A: {nobody}", "nothing is called"},
      {"dialogue d\n with x = nobody\n A: hi", "no list or table"},
      {"table t: a\n  1\ndialogue d\n with x = t\n A: {x.b}", "no field"},
      {"list a: x\ndialogue d\n A: {shout a}", "no form"},
      {"list a: {b}\nlist b: {a}\ndialogue d\n A: {a}", "refers to itself"},
      {"dialogue d x3 loud\n A: hi", "unknown word"},
      {"dialogue d\n Q: hi", "expected"},
      {"table t: a\ndialogue d\n A: hi", "no rows"},
  };
  for (const auto& test : kCases) {
    const auto grammar = Parse(test.text);
    ASSERT_FALSE(grammar) << test.text;
    EXPECT_EQ(grammar.error().code, ErrorCode::kCorrupt);
    EXPECT_NE(grammar.error().message.find(test.says), std::string::npos)
        << grammar.error().message;
  }
}

TEST(DialogueGrammar, RefusesTextsThatGrowWithoutEnd) {
  std::string doubling = "list l0: xxxxxxxx\n";
  for (int i = 1; i < 30; ++i) {
    doubling += fmt::format("list l{}: {{l{}}}{{l{}}}\n", i, i - 1, i - 1);
  }
  EXPECT_NE(Parse(doubling).error().message.find("may grow"), std::string::npos);
  const std::string deep = "list a: " + std::string(40, '(') + "x" + std::string(40, ')');
  EXPECT_NE(Parse(deep).error().message.find("nested"), std::string::npos);
}

TEST(Drills, SumsAndDifferencesAreRight) {
  const ComputedTables tables = MakeDrills();
  SplitMix64 random(3);
  for (int i = 0; i < 2000; ++i) {
    GrammarRow row = tables.at("sum").draw(random);
    EXPECT_EQ(std::stoi(row["a"]) + std::stoi(row["b"]), std::stoi(row["answer"]));
    EXPECT_EQ(row["a_word"], NumberWord(std::stoi(row["a"])));
    row = tables.at("difference").draw(random);
    EXPECT_EQ(std::stoi(row["a"]) - std::stoi(row["b"]), std::stoi(row["answer"]));
    EXPECT_GE(std::stoi(row["answer"]), 0);
    row = tables.at("compare").draw(random);
    EXPECT_GT(std::stoi(row["bigger"]), std::stoi(row["smaller"]));
  }
  EXPECT_EQ(NumberWord(0), "zero");
  EXPECT_EQ(NumberWord(70), "seventy");
  EXPECT_EQ(NumberWord(99), "ninety-nine");
}

TEST(Drills, EveryTableGivesTheFieldsItStates) {
  SplitMix64 random(5);
  for (const auto& [name, table] : MakeDrills()) {
    const GrammarRow row = table.draw(random);
    EXPECT_TRUE(row.contains("")) << name;
    for (const std::string& field : table.fields) EXPECT_TRUE(row.contains(field)) << name;
    EXPECT_EQ(row.size(), table.fields.size() + 1) << name;
  }
}

TEST(Roughen, KeepsTheWords) {
  SplitMix64 random(1);
  std::set<std::string> seen;
  for (int i = 0; i < 200; ++i) seen.insert(Roughen("What's up, Bob?", random));
  EXPECT_TRUE(seen.contains("what's up, bob?"));
  EXPECT_TRUE(seen.contains("What's up, Bob"));
  EXPECT_TRUE(seen.contains("whats up bob"));
  EXPECT_GT(seen.size(), 8u);
}

TEST(GenerateDialogues, IsAPureFunctionWithoutRepeats) {
  const auto grammar = Parse(
      "list n: one | two | three | four\ndialogue a x3\n U: Say {n}.\n A: {n}\n"
      "dialogue b x1 alone\n U: Bye {n}.\n A: Bye!\n");
  ASSERT_TRUE(grammar);
  const GeneratorOptions options{.count = 3000, .seed = 4, .system_share = 0.2, .system_list = "n"};
  const GeneratedChats first = GenerateDialogues(*grammar, options);
  const GeneratedChats second = GenerateDialogues(*grammar, options);
  ASSERT_EQ(first.chats.size(), second.chats.size());
  std::set<std::string> texts;
  bool has_system = false;
  for (std::size_t i = 0; i < first.chats.size(); ++i) {
    EXPECT_EQ(first.chats[i].PlainText(), second.chats[i].PlainText());
    EXPECT_TRUE(texts.insert(first.chats[i].PlainText()).second);
    has_system |= first.chats[i].messages[0].role == tokenizer::ChatMessage::Role::kSystem;
  }
  EXPECT_TRUE(has_system);
  EXPECT_EQ(static_cast<std::int64_t>(first.chats.size()) + first.repeat_count, 3000);
  EXPECT_GT(first.kept[0], first.kept[1]);

  const GeneratedChats only_b =
      GenerateDialogues(*grammar, {.count = 100, .seed = 4, .only = {"b"}});
  EXPECT_EQ(only_b.kept[0], 0);
  EXPECT_EQ(only_b.kept[1], static_cast<std::int64_t>(only_b.chats.size()));
}

}  // namespace
}  // namespace holdfast::trainer
