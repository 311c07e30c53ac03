#include "library/webserver/idempotency.h"

#include <algorithm>
#include <exception>
#include <functional>
#include <memory>
#include <string_view>
#include <utility>

#include "library/meta/digest.h"
#include "library/meta/error.h"
#include "library/security/secret.h"
#include "library/webserver/problem.h"

namespace wellhead::webserver {
namespace {

constexpr std::string_view kHeader = "Idempotency-Key";
constexpr std::size_t kLongestKey = 200;
constexpr std::size_t kOwnerBytes = 16;

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= kLongestKey &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// A string of RFC 9651 §3.3.3, which the draft asks for, and the same text without quotes are the same key.
std::string_view unquoted(std::string_view text) {
  const bool quoted = text.size() >= 2 && text.front() == '"' && text.back() == '"';
  return quoted ? text.substr(1, text.size() - 2) : text;
}

// What must be the same when a key comes again.
std::string digest_of(const Request& request) {
  std::string all;
  for (const std::string_view part : {std::string_view(to_string(request.method)), std::string_view(request.path),
                                      std::string_view(request.query), std::string_view(request.body)}) {
    all.append(std::to_string(part.size())).append(":").append(part);
  }
  return meta::sha256_hex(all);
}

Response being_answered(const Request& request) {
  Response response = to_response(
      Problem{409, "conflict", "The request with this Idempotency-Key is being answered: send it again in a while", {}},
      request.id);
  response.headers.emplace_back("Retry-After", "1");
  return response;
}

Response used_for_another(const Request& request) {
  return to_response(Problem{422,
                             "idempotency_key_reused",
                             "This Idempotency-Key was used for another request: take a new one",
                             {{std::string(kHeader), "was used for another request"}}},
                     request.id);
}

Response not_kept(const Request& request) {
  return to_response(
      Problem{503, "no_idempotency_keys", "This server keeps no Idempotency-Keys: send the request without", {}},
      request.id);
}

bool is_given(const Request& request) {
  return std::ranges::any_of(request.headers, [](const auto& header) { return same_name(header.first, kHeader); });
}

// nullptr: nothing to keep.
void end_use(IdempotencyKeys& keys, const IdempotentRequest& use, const Response* response) {
  response == nullptr ? keys.forget(use) : keys.keep(use, *response);
}

Task<Response> answer_once(IdempotencyKeys* keys, BlockingPool* pool, std::shared_ptr<const Handler> handler,
                           Request request) {
  if (!is_given(request)) {
    auto answering = (*handler)(std::move(request));
    co_return co_await answering;
  }
  const std::string key(unquoted(request.header(kHeader)));
  if (!is_key(key)) {
    throw InvalidArgument({std::string(kHeader), "is no word of up to 200 visible ASCII characters"});
  }
  if (keys == nullptr) co_return not_kept(request);
  const IdempotentRequest use{request.principal ? request.principal->id : std::string(), key, digest_of(request),
                              security::to_hex(security::random_bytes(kOwnerBytes))};
  std::function<std::optional<IdempotencyKeys::Known>()> take = [keys, use] { return keys->take(use); };
  auto taking = pool->run<std::optional<IdempotencyKeys::Known>>(*request.worker, std::move(take));
  std::optional<IdempotencyKeys::Known> known = co_await taking;
  if (known && !known->same_request) co_return used_for_another(request);
  if (known && !known->response) co_return being_answered(request);
  if (known) {
    known->response->headers.emplace_back("Idempotency-Replayed", "true");
    co_return std::move(*known->response);
  }
  Worker& worker = *request.worker;
  std::exception_ptr failed;
  Response response;
  try {
    auto answering = (*handler)(std::move(request));
    response = co_await answering;
  } catch (...) {
    failed = std::current_exception();
  }
  const Response* kept = !failed && response.status < 400 ? &response : nullptr;
  std::function<bool()> end = [keys, use, kept] {
    end_use(*keys, use, kept);
    return true;
  };
  auto ending = pool->run<bool>(worker, std::move(end));
  try {
    co_await ending;
  } catch (const meta::Error&) {  // NOLINT(bugprone-empty-catch)
    // The pool takes no more. What was done is done, so its answer is given; the key is free again in a while.
  }
  if (failed) std::rethrow_exception(failed);
  co_return response;
}

}  // namespace

void make_idempotent(IdempotencyKeys* keys, BlockingPool& pool, Route& route) {
  Parameter key;
  key.name = kHeader;
  key.in = ParameterIn::header;
  key.description =
      "A word of your own for this request: sent again with the same, within a day and to any server of the database, "
      "it is answered as before and not done again. While the first one is being answered the answer is 409, with "
      "another request 422.";
  key.example = "9f1c0a52-0001";
  key.max_length = kLongestKey;
  key.pattern = Pattern{"^[!-~]+$", is_key};
  route.parameters.push_back(std::move(key));
  route.problems.insert(route.problems.end(), {409, 422});
  if (std::ranges::find(route.problems, 503) == route.problems.end()) route.problems.push_back(503);
  for (ResponseSpec& answer : route.responses) {
    answer.headers.emplace_back("Idempotency-Replayed", "`true`: it is the answer to an earlier request.");
  }
  route.handler = [keys, pool = &pool, handler = std::make_shared<const Handler>(std::move(route.handler))](
                      Request request) { return answer_once(keys, pool, handler, std::move(request)); };
}

}  // namespace wellhead::webserver
