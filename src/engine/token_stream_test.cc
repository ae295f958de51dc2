#include "engine/token_stream.h"

#include <semaphore>
#include <thread>

#include <gtest/gtest.h>

namespace holdfast::engine {
namespace {

TokenEvent Token(TokenId id) { return {.id = id}; }

std::shared_ptr<TokenChannel> Channel(std::int64_t capacity = 8) {
  return std::make_shared<TokenChannel>(capacity);
}

TEST(TokenStream, TakeGivesWhatWasPushedAndThenNothing) {
  auto channel = Channel();
  auto stream = MakeTokenStream(channel);
  EXPECT_TRUE(stream->Take().tokens.empty());
  ASSERT_TRUE(channel->Push(Token(4), {.prompt_tokens = 9, .completion_tokens = 1}));
  ASSERT_TRUE(channel->Push(Token(5), {.prompt_tokens = 9, .completion_tokens = 2}));
  TokenStream::Batch batch = stream->Take();
  ASSERT_EQ(batch.tokens.size(), 2u);
  EXPECT_EQ(batch.tokens[0].id, 4);
  EXPECT_EQ(batch.tokens[1].id, 5);
  EXPECT_EQ(batch.usage.completion_tokens, 2);
  EXPECT_FALSE(batch.finish);
  batch = stream->Take();
  EXPECT_TRUE(batch.tokens.empty());
  EXPECT_EQ(batch.usage.completion_tokens, 2) << "usage stays";
}

TEST(TokenStream, FinishComesOnceWithTheLastTokens) {
  auto channel = Channel();
  auto stream = MakeTokenStream(channel);
  ASSERT_TRUE(channel->Push(Token(4), {}));
  channel->Finish(FinishReason::kStop, {.completion_tokens = 1});
  const TokenStream::Batch batch = stream->Take();
  EXPECT_EQ(batch.tokens.size(), 1u);
  EXPECT_EQ(batch.finish, FinishReason::kStop);
  EXPECT_FALSE(stream->Take().finish);
}

TEST(TokenStream, RefusesATokenWhenTheReaderIsCapacityBehind) {
  auto channel = Channel(2);
  auto stream = MakeTokenStream(channel);
  EXPECT_TRUE(channel->Push(Token(1), {}));
  EXPECT_TRUE(channel->Push(Token(2), {}));
  EXPECT_FALSE(channel->Push(Token(3), {}));
  channel->Finish(FinishReason::kSlowReader, {});
  EXPECT_EQ(stream->Take().finish, FinishReason::kSlowReader);
}

TEST(TokenStream, NotifiesWhenSomethingArrivesInAnEmptyStream) {
  auto channel = Channel();
  auto stream = MakeTokenStream(channel);
  int calls = 0;
  ASSERT_TRUE(channel->Push(Token(1), {}));
  stream->SetNotify([&calls] { ++calls; });
  EXPECT_EQ(calls, 1) << "something was waiting";
  ASSERT_TRUE(channel->Push(Token(2), {}));
  EXPECT_EQ(calls, 1) << "it was not empty";
  stream->Take();
  ASSERT_TRUE(channel->Push(Token(3), {}));
  EXPECT_EQ(calls, 2);
  stream->Take();
  channel->Finish(FinishReason::kLength, {});
  EXPECT_EQ(calls, 3);
}

TEST(TokenStream, DroppingTheReaderCancelsAndSilencesNotify) {
  auto channel = Channel();
  auto stream = MakeTokenStream(channel);
  int calls = 0;
  stream->SetNotify([&calls] { ++calls; });
  EXPECT_FALSE(channel->is_cancelled());
  stream.reset();
  EXPECT_TRUE(channel->is_cancelled());
  EXPECT_TRUE(channel->Push(Token(1), {}));
  channel->Finish(FinishReason::kCancelled, {});
  EXPECT_EQ(calls, 0);
}

TEST(TokenStream, ReaderAndWriterThreadsSeeEveryTokenInOrder) {
  constexpr int kTokens = 20'000;
  auto channel = Channel(64);
  auto stream = MakeTokenStream(channel);
  std::counting_semaphore<> something(0);
  std::counting_semaphore<> room(0);
  stream->SetNotify([&something] { something.release(); });
  std::jthread writer([&] {
    for (TokenId id = 0; id < kTokens; ++id) {
      while (!channel->Push(Token(id), {.completion_tokens = id + 1})) room.acquire();
    }
    channel->Finish(FinishReason::kLength, {.completion_tokens = kTokens});
  });
  TokenId next = 0;
  for (bool is_finished = false; !is_finished;) {
    something.acquire();
    const TokenStream::Batch batch = stream->Take();
    for (const TokenEvent& token : batch.tokens) ASSERT_EQ(token.id, next++);
    is_finished = batch.finish.has_value();
    room.release();
  }
  EXPECT_EQ(next, kTokens);
}

}  // namespace
}  // namespace holdfast::engine
