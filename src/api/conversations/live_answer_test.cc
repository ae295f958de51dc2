#include "api/conversations/live_answer.h"

#include <gtest/gtest.h>

#include "api/conversations/answer_hub.h"
#include "net/io_threads.h"

namespace holdfast::api {
namespace {

std::shared_ptr<LiveAnswer> NewAnswer(std::string id = "m", int* stops = nullptr,
                                      std::string content = {}) {
  return std::make_shared<LiveAnswer>(AnswerIds{"ada", "c", std::move(id)}, std::move(content), "",
                                      [stops] { *stops += 1; });
}

std::string TakeAll(const LiveAnswer& answer, LiveAnswer::Cursor& cursor) {
  std::string all;
  for (auto taken = answer.Take(cursor); !taken.events.empty(); taken = answer.Take(cursor)) {
    all += taken.events;
  }
  return all;
}

TEST(LiveAnswer, EveryReaderTakesAllOfItAtItsOwnPace) {
  const auto answer = NewAnswer();
  LiveAnswer::Cursor early;
  EXPECT_EQ(answer->Take(early).events, "");
  answer->Publish("a", "", "", 1);
  EXPECT_EQ(answer->Take(early).events, "a");
  answer->Publish("b", "", "", 2);
  LiveAnswer::Cursor late;
  EXPECT_EQ(answer->Take(late).events, "ab");
  EXPECT_FALSE(answer->Take(late).is_over);
  answer->End(std::nullopt);
  EXPECT_TRUE(answer->Take(late).is_over);
  const LiveAnswer::Taken last = answer->Take(early);
  EXPECT_EQ(last.events, "b");
  EXPECT_TRUE(last.is_over);
  EXPECT_EQ(answer->tokens(), 3);
}

TEST(LiveAnswer, KeepsABoundedTailAndTheRestAsText) {
  const auto answer = NewAnswer();
  LiveAnswer::Cursor slow;
  EXPECT_EQ(answer->Take(slow).events, "");
  const std::string raw(1'000, 'e');
  constexpr int kEvents = 1'000;
  for (int i = 0; i < kEvents; ++i) answer->Publish(raw, "x", i == 0 ? "r" : "", 1);
  EXPECT_TRUE(answer->Take(slow).is_behind);
  LiveAnswer::Cursor late;
  const std::string all = TakeAll(*answer, late);
  const std::string begin = ChunkEvent(std::string(kEvents - kLiveBytesMax / raw.size(), 'x'), "r");
  ASSERT_TRUE(all.starts_with(begin));
  EXPECT_EQ(all.size(), begin.size() + kLiveBytesMax / raw.size() * raw.size());
}

TEST(LiveAnswer, GoesOnWithWhatItHad) {
  const auto answer = NewAnswer("m", nullptr, "before ");
  LiveAnswer::Cursor asker = answer->Now();
  LiveAnswer::Cursor reader;
  answer->Publish("event", "after", "", 1);
  EXPECT_EQ(answer->Take(asker).events, "event");
  EXPECT_EQ(answer->Take(reader).events, ChunkEvent("before ", "") + "event");
}

TEST(LiveAnswer, HasNoMoreReadersThanItsLimit) {
  net::IoThreads threads(1);
  const auto answer = NewAnswer();
  const auto event = [&] { return std::make_shared<net::Event>(threads.executor(0)); };
  std::vector<LiveAnswer::Reader> readers;
  for (std::size_t i = 0; i < kReadersMax; ++i) {
    readers.push_back(std::move(*LiveAnswer::Join(answer, event())));
  }
  EXPECT_EQ(LiveAnswer::Join(answer, event()).error().reason, Reason::kYourConcurrency);
  readers.pop_back();
  EXPECT_TRUE(LiveAnswer::Join(answer, event()));
}

TEST(LiveAnswer, IsAskedToStopOnceAndNotAfterItsEnd) {
  int stops = 0;
  const auto answer = NewAnswer("m", &stops);
  answer->AskToStop();
  answer->AskToStop();
  EXPECT_EQ(stops, 1);
  EXPECT_TRUE(answer->is_stop_asked());
  const auto ended = NewAnswer("m", &stops);
  ended->End(std::nullopt);
  ended->AskToStop();
  EXPECT_EQ(stops, 1);
  EXPECT_FALSE(ended->is_stop_asked());
}

TEST(AnswerHub, FindsAnAnswerForItsAccountAlone) {
  AnswerHub hub;
  int stops = 0;
  const auto answer = NewAnswer("m", &stops);
  ASSERT_TRUE(hub.Add(answer));
  EXPECT_EQ(hub.Find("ada", "m"), answer);
  EXPECT_EQ(hub.Find("bob", "m"), nullptr);
  EXPECT_EQ(hub.Find("ada", "n"), nullptr);
  hub.StopAll();
  EXPECT_EQ(stops, 1);
  EXPECT_EQ(hub.Add(NewAnswer("n")).error().reason, Reason::kDraining);
  hub.Remove(*answer);
  EXPECT_EQ(hub.Find("ada", "m"), nullptr);
}

TEST(AnswerHub, HoldsNoMoreThanItsLimit) {
  AnswerHub hub;
  for (std::size_t i = 0; i < kLiveAnswersMax; ++i) {
    ASSERT_TRUE(hub.Add(NewAnswer(std::to_string(i))));
  }
  EXPECT_EQ(hub.Add(NewAnswer("more")).error().reason, Reason::kQueueFull);
}

}  // namespace
}  // namespace holdfast::api
