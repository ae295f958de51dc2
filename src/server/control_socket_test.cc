#include "server/control_socket.h"

#include <atomic>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "crypto/test_folder.h"

namespace holdfast::server {
namespace {

class ControlSocketTest : public ::testing::Test {
 protected:
  std::unique_ptr<ControlSocket> Listen() {
    auto made = ControlSocket::Listen(
        folder_.path(), [](const json::Object& question) -> Result<json::Object> {
          TRY_ASSIGN(const std::string word, json::RequireString(question, "word"));
          if (word == "no") return Fail(ErrorCode::kFailedPrecondition, "not now");
          return json::Object{{"echo", word}};
        });
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  Result<std::optional<json::Object>> Ask(const std::string& word) const {
    return AskGateway(folder_.path(), {{"word", word}});
  }

  crypto::TestFolder folder_;
};

TEST_F(ControlSocketTest, AnswersOrSaysWhyNot) {
  const auto socket = Listen();
  const auto answer = Ask("hello");
  ASSERT_TRUE(answer && *answer);
  EXPECT_EQ((*answer)->at("echo").as_string(), "hello");
  EXPECT_EQ(Ask("no").error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(Ask("no").error().message, "not now");
  EXPECT_EQ(AskGateway(folder_.path(), {}).error().code, ErrorCode::kInvalidArgument);
}

TEST_F(ControlSocketTest, TellsWhenNobodyListens) {
  EXPECT_EQ(*Ask("hello"), std::nullopt);
  Listen().reset();
  EXPECT_EQ(*Ask("hello"), std::nullopt) << "the socket of one that has gone is still there";
  const auto again = Listen();
  EXPECT_NE(*Ask("hello"), std::nullopt);
}

TEST_F(ControlSocketTest, ManyAskAtOnce) {
  const auto socket = Listen();
  std::atomic<int> answered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      const auto answer = Ask("hello");
      if (answer && *answer) ++answered;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(answered, 8);
}

TEST_F(ControlSocketTest, WhatIsNoQuestionIsRefused) {
  const auto socket = Listen();
  for (const std::string& text : {std::string("\n"), std::string("[]\n"), std::string("{\n"),
                                  std::string(kControlBytesMax + 1, 'x') + "\n"}) {
    const crypto::Descriptor connection(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    (folder_.path() / "control.sock").string().copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(
        ::connect(connection.number(), reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    ASSERT_EQ(::send(connection.number(), text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
    std::string answer(1024, '\0');
    const ssize_t count = ::recv(connection.number(), answer.data(), answer.size(), 0);
    ASSERT_GT(count, 0);
    EXPECT_NE(answer.find("\"error\""), std::string::npos) << text.substr(0, 8);
  }
  EXPECT_NE(*Ask("hello"), std::nullopt);
}

TEST_F(ControlSocketTest, APathThatIsTooLongIsSaid) {
  const std::filesystem::path deep = folder_.path() / std::string(120, 'd');
  EXPECT_EQ(ControlSocket::Listen(deep, nullptr).error().code, ErrorCode::kInvalidArgument);
  EXPECT_EQ(*AskGateway(deep, {}), std::nullopt);
}

}  // namespace
}  // namespace holdfast::server
