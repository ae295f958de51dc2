#include "upstream/answer_stream.h"

#include <utility>

#include "upstream/answer_state.h"

namespace holdfast::upstream {

AnswerStream::AnswerStream(std::unique_ptr<State> state) : state_(std::move(state)) {}
AnswerStream::~AnswerStream() = default;

net::Awaitable<AnswerStream::Part> AnswerStream::Next() { return state_->Next(); }
bool AnswerStream::is_stream() const { return state_->is_stream(); }
std::string_view AnswerStream::engine() const { return state_->engine(); }
const Usage& AnswerStream::usage() const { return state_->usage(); }

}  // namespace holdfast::upstream
