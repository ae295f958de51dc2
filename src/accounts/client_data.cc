#include "accounts/client_data.h"

#include "json/json.h"

namespace holdfast::accounts {
namespace {

std::string_view WordOf(PasskeyAct act) {
  return act == PasskeyAct::kCreate ? "webauthn.create" : "webauthn.get";
}

}  // namespace

Result<ClientData> ReadClientData(std::string_view json, PasskeyAct act) {
  constexpr json::Limits kLimits{.text_bytes_max = kClientDataBytesMax, .depth_max = 4};
  TRY_ASSIGN(const json::Value value, json::Parse(json, kLimits));
  if (!value.is_object()) return Fail(ErrorCode::kInvalidArgument, "client data: no object");
  const json::Object& object = value.get_object();
  TRY_ASSIGN(const std::string type, json::RequireString(object, "type"));
  if (type != WordOf(act)) return Fail(ErrorCode::kInvalidArgument, "client data: another act");
  ClientData data;
  TRY_ASSIGN(data.challenge, json::RequireString(object, "challenge"));
  TRY_ASSIGN(data.origin, json::RequireString(object, "origin"));
  TRY_ASSIGN(const bool is_cross_origin, json::BoolOr(object, "crossOrigin", false));
  if (is_cross_origin || object.contains("topOrigin")) {
    return Fail(ErrorCode::kInvalidArgument, "client data: of a page within another");
  }
  return data;
}

}  // namespace holdfast::accounts
