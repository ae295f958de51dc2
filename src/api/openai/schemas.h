// JSON Schemas of the OpenAI-compatible operations, for /openapi.json: what is checked of a request
// before it goes to an engine, and what a client may count on in an answer. JSON text.
#pragma once

#include <string_view>

namespace holdfast::api {

inline constexpr std::string_view kModelSchema = R"({
  "type": "object",
  "required": ["id", "object", "created", "owned_by"],
  "properties": {
    "id": {"type": "string"},
    "object": {"const": "model"},
    "created": {"type": "integer", "description": "Unix time in seconds."},
    "owned_by": {"type": "string"},
    "max_model_len": {"type": "integer", "description": "Tokens of prompt and answer together."}
  }
})";

inline constexpr std::string_view kModelListSchema = R"({
  "type": "object",
  "required": ["object", "data"],
  "properties": {
    "object": {"const": "list"},
    "data": {"type": "array", "items": {"type": "object", "required": ["id", "object"]}}
  }
})";

inline constexpr std::string_view kChatRequestSchema = R"({
  "type": "object",
  "required": ["messages"],
  "properties": {
    "model": {"type": "string", "maxLength": 64, "description": "May be left out where one model is served."},
    "messages": {
      "type": "array", "minItems": 1, "maxItems": 2048,
      "items": {
        "type": "object",
        "required": ["role", "content"],
        "properties": {
          "role": {"enum": ["system", "developer", "user", "assistant", "tool"]},
          "content": {"type": "string"}
        }
      }
    },
    "stream": {"type": "boolean"},
    "stream_options": {
      "type": "object",
      "properties": {
        "include_usage": {"type": "boolean", "description": "One more event at the end, with the usage."},
        "continuous_usage_stats": {"type": "boolean", "description": "The usage so far with every event, of engines that tell it."}
      }
    },
    "n": {"type": "integer", "minimum": 1, "maximum": 8},
    "max_tokens": {"type": "integer", "minimum": 1, "maximum": 1048576},
    "max_completion_tokens": {"type": "integer", "minimum": 1, "maximum": 1048576},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "seed": {"type": "integer"},
    "user": {"type": "string", "maxLength": 128}
  }
})";

inline constexpr std::string_view kTextRequestSchema = R"({
  "type": "object",
  "required": ["prompt"],
  "properties": {
    "model": {"type": "string", "maxLength": 64, "description": "May be left out where one model is served."},
    "prompt": {"oneOf": [{"type": "string", "minLength": 1},
                         {"type": "array", "minItems": 1, "maxItems": 8, "items": {"type": "string", "minLength": 1}}]},
    "stream": {"type": "boolean"},
    "stream_options": {
      "type": "object",
      "properties": {
        "include_usage": {"type": "boolean", "description": "One more event at the end, with the usage."},
        "continuous_usage_stats": {"type": "boolean", "description": "The usage so far with every event, of engines that tell it."}
      }
    },
    "n": {"type": "integer", "minimum": 1, "maximum": 8},
    "max_tokens": {"type": "integer", "minimum": 1, "maximum": 1048576},
    "temperature": {"type": "number", "minimum": 0, "maximum": 2},
    "top_p": {"type": "number", "minimum": 0, "maximum": 1},
    "seed": {"type": "integer"},
    "user": {"type": "string", "maxLength": 128}
  }
})";

inline constexpr std::string_view kAnswerSchema = R"({
  "type": "object",
  "required": ["id", "object", "created", "model", "choices"],
  "properties": {
    "id": {"type": "string"},
    "object": {"enum": ["chat.completion", "text_completion"]},
    "created": {"type": "integer"},
    "model": {"type": "string"},
    "choices": {"type": "array", "items": {"type": "object", "required": ["index", "finish_reason"]}},
    "usage": {"type": "object"}
  }
})";

}  // namespace holdfast::api
