// GatewayPipeline: what happens to a request at the front of house, step by step. The steps are the
// body of one function in gateway_pipeline.cc. Thread-safe: runs on every I/O thread; what it
// refers to must outlive it.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "api/reply.h"
#include "http/cors.h"
#include "http/exchange.h"
#include "http/host.h"
#include "server/account_office.h"
#include "server/address_book.h"
#include "server/authenticator.h"
#include "server/endpoint_table.h"
#include "server/identity.h"
#include "server/live_door.h"
#include "server/refusal_texts.h"
#include "server/settlement.h"
#include "server/this_machine.h"

namespace holdfast::server {

struct GatewayRules {
  http::BodyLimits body;
  std::chrono::milliseconds answer_time_max{600'000};
  std::vector<net::Network> trusted_proxies;
  http::HostRules hosts;
  http::CorsRules cors;
  ThisMachineRules this_machine;
  // Of every answer.
  std::vector<http::Header> headers;
};

class GatewayPipeline {
 public:
  // All of it outlives this. Without an office nobody has an account, and everybody may ask. Who is
  // refused is noted in the book, if there is one, for the kernel's list.
  GatewayPipeline(const EndpointTable& table, LiveDoor& door, const CallerHasher& hasher,
                  Settlement& settlement, AccountOffice* office, const Authenticator* authenticator,
                  GatewayRules rules, AddressBook* book = nullptr)
      : table_(table),
        door_(door),
        hasher_(hasher),
        settlement_(settlement),
        office_(office),
        authenticator_(authenticator),
        rules_(std::move(rules)),
        header_lines_(http::ToLines(rules_.headers)),
        book_(book),
        refusal_texts_(door) {}

  // Answers the request of the exchange.
  net::Awaitable<void> Serve(http::Exchange& exchange);
  // Answers a request that could not be read.
  net::Awaitable<void> Refuse(http::Exchange& exchange, const http::Refusal& refusal);

 private:
  struct Record;

  net::Awaitable<api::ApiResult<void>> Run(http::Exchange& exchange, Record& record);
  // What follows an end, of whatever kind, once.
  net::Awaitable<void> Settle(http::Exchange& exchange, Record& record,
                              const api::ApiResult<void>& ended);

  static void EndTicket(Record& record, const std::optional<Reason>& reason);
  void Name(http::Exchange& exchange, const Record& record) const;
  api::ApiResult<void> CheckEdge(const http::Exchange& exchange, Record& record) const;
  net::Awaitable<api::ApiResult<void>> AnswerPreflight(http::Exchange& exchange,
                                                       Record& record) const;
  api::ApiResult<void> FindEndpoint(http::Exchange& exchange, Record& record) const;
  api::Context ContextOf(const http::Exchange& exchange, Record& record) const;
  bool CanBeForeseen(const http::RequestHead& head, const Record& record) const;
  net::Awaitable<api::ApiResult<void>> TurnAway(http::Exchange& exchange, Record& record);
  http::Repeats::Again TurnAwayAgain(const http::Exchange& exchange, const Record& record,
                                     const guard::RequestFacts& facts);
  net::Awaitable<api::ApiResult<void>> FindWho(http::Exchange& exchange, Record& record) const;
  std::string PassOf(const http::RequestHead& head, const Identity& identity) const;
  bool SpendPass(const http::RequestHead& head, const Identity& identity) const;
  net::Awaitable<api::ApiResult<void>> CheckQuota(Record& record, const api::Work& work) const;
  net::Awaitable<void> Charge(Record& record) const;
  net::Awaitable<api::ApiResult<LiveDoor::Ticket>> Admit(const guard::RequestFacts& facts,
                                                         Record& record, bool is_stream) const;
  void TellLevel(Record& record, std::uint32_t tokens_max) const;
  void NoteRefusal(const Record& record, const net::Address& peer) const;
  net::Awaitable<api::ApiResult<void>> WaitForTurn(LiveDoor::Ticket& ticket, api::Reply& reply,
                                                   bool is_stream) const;

  const EndpointTable& table_;
  LiveDoor& door_;
  const CallerHasher& hasher_;
  Settlement& settlement_;
  AccountOffice* const office_;
  const Authenticator* const authenticator_;
  const GatewayRules rules_;
  const std::string header_lines_;  // Of every answer.
  AddressBook* const book_;
  RefusalTexts refusal_texts_;
};

}  // namespace holdfast::server
