#include "api/engine/engine_errors.h"

#include <gtest/gtest.h>

namespace holdfast::api {
namespace {

using engine::FinishReason;

constexpr ErrorCode kCodes[] = {ErrorCode::kInvalidArgument,
                                ErrorCode::kNotFound,
                                ErrorCode::kAlreadyExists,
                                ErrorCode::kCorrupt,
                                ErrorCode::kUnsupported,
                                ErrorCode::kTooLarge,
                                ErrorCode::kOutOfRange,
                                ErrorCode::kResourceExhausted,
                                ErrorCode::kDeadlineExceeded,
                                ErrorCode::kCancelled,
                                ErrorCode::kUnavailable,
                                ErrorCode::kPermissionDenied,
                                ErrorCode::kIo,
                                ErrorCode::kDiskFull,
                                ErrorCode::kFailedPrecondition,
                                ErrorCode::kInternal};

struct Mapping {
  const char* domain;
  ApiError (*map)(const Error&);
  std::vector<std::pair<ErrorCode, Reason>> known;
};

TEST(EngineErrors, EachDomainMapsItsOwnCodesAndTheRestIsInternal) {
  const Mapping domains[] = {
      {"submit",
       SubmitError,
       {{ErrorCode::kInvalidArgument, Reason::kBadRequest},
        {ErrorCode::kTooLarge, Reason::kContextTooLong},
        {ErrorCode::kResourceExhausted, Reason::kQueueFull},
        {ErrorCode::kUnavailable, Reason::kDraining}}},
      {"render",
       RenderError,
       {{ErrorCode::kInvalidArgument, Reason::kBadRequest},
        {ErrorCode::kTooLarge, Reason::kBadRequest},
        {ErrorCode::kUnsupported, Reason::kUnsupported}}},
      {"pool",
       PoolError,
       {{ErrorCode::kResourceExhausted, Reason::kQueueFull},
        {ErrorCode::kCancelled, Reason::kDraining}}},
  };
  for (const Mapping& domain : domains) {
    for (const ErrorCode code : kCodes) {
      Reason wanted = Reason::kInternal;
      for (const auto& [known, reason] : domain.known) {
        if (known == code) wanted = reason;
      }
      const ApiError error = domain.map(MakeError(code, "/a/path"));
      EXPECT_EQ(error.reason, wanted) << domain.domain << ' ' << ErrorCodeName(code);
      // What is internal tells nothing of us.
      if (wanted == Reason::kInternal) {
        EXPECT_EQ(error.message.find("/a/path"), std::string::npos);
      }
    }
  }
}

TEST(EngineErrors, AnEndedAnswerSaysWhoseFaultItWas) {
  const struct {
    FinishReason finish;
    bool has_client_left;
    Reason wanted;
  } cases[] = {
      {FinishReason::kDeadline, false, Reason::kDeadlineExceeded},
      {FinishReason::kSlowReader, false, Reason::kSlowReader},
      {FinishReason::kCancelled, false, Reason::kDraining},
      {FinishReason::kCancelled, true, Reason::kClientLeft},
      {FinishReason::kError, false, Reason::kInternal},
      {FinishReason::kError, true, Reason::kClientLeft},
  };
  for (const auto& c : cases) {
    EXPECT_EQ(EndError(c.finish, c.has_client_left).reason, c.wanted)
        << engine::FinishReasonName(c.finish) << c.has_client_left;
  }
}

}  // namespace
}  // namespace holdfast::api
