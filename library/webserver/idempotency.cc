#include "library/webserver/idempotency.h"

#include <algorithm>
#include <utility>

#include "library/meta/digest.h"
#include "library/webserver/problem.h"

namespace wellhead::webserver {
namespace {

constexpr std::chrono::hours kKeptFor{24};
constexpr std::size_t kKept = 10'000;
constexpr std::size_t kLongestKey = 200;

bool is_key(std::string_view text) {
  return !text.empty() && text.size() <= kLongestKey &&
         std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

// What must be the same when a key comes again: also whose request it is.
std::string digest_of(const Request& request) {
  std::string all;
  for (const std::string_view part :
       {std::string_view(to_string(request.method)), std::string_view(request.path), std::string_view(request.query),
        request.header("Authorization"), request.header("X-API-Key"), std::string_view(request.body)}) {
    all.append(std::to_string(part.size())).append(":").append(part);
  }
  return meta::sha256_hex(all);
}

Response refuse(const Request& request, const IdempotencyKeys::Known& known) {
  if (known.same_request) {
    return to_response(Problem{409, "conflict", "The request with this Idempotency-Key is being answered", {}},
                       request.id);
  }
  return to_response(Problem{422,
                             "idempotency_key_reused",
                             "This Idempotency-Key was used for another request: take a new one",
                             {{"Idempotency-Key", "was used for another request"}}},
                     request.id);
}

Task<Response> answer_once(std::shared_ptr<IdempotencyKeys> keys, std::shared_ptr<const Handler> handler,
                           Request request) {
  const std::string key(request.header("Idempotency-Key"));
  const bool given =
      std::ranges::any_of(request.headers, [](const auto& h) { return same_name(h.first, "Idempotency-Key"); });
  if (!given) {
    auto answering = (*handler)(std::move(request));
    co_return co_await answering;
  }
  if (!is_key(key)) throw InvalidArgument({"Idempotency-Key", "is no word of up to 200 visible ASCII characters"});
  if (const auto known = keys->take(key, digest_of(request))) {
    if (!known->same_request || !known->response) co_return refuse(request, *known);
    Response again = *known->response;
    again.headers.emplace_back("Idempotency-Replayed", "true");
    co_return again;
  }
  std::exception_ptr failed;
  Response response;
  try {
    auto answering = (*handler)(std::move(request));
    response = co_await answering;
  } catch (...) {
    failed = std::current_exception();
  }
  if (failed || response.status >= 500) {
    keys->forget(key);
  } else {
    keys->keep(key, response);
  }
  if (failed) std::rethrow_exception(failed);
  co_return response;
}

}  // namespace

std::optional<IdempotencyKeys::Known> IdempotencyKeys::take(const std::string& key, const std::string& request) {
  const std::scoped_lock lock(mutex_);
  drop_old();
  const auto [found, made] = entries_.try_emplace(key, Entry{request, std::nullopt, std::chrono::steady_clock::now()});
  if (!made) return Known{found->second.request == request, found->second.response};
  order_.push_back(key);
  return std::nullopt;
}

void IdempotencyKeys::keep(const std::string& key, const Response& response) {
  const std::scoped_lock lock(mutex_);
  if (const auto found = entries_.find(key); found != entries_.end()) found->second.response = response;
}

void IdempotencyKeys::forget(const std::string& key) {
  const std::scoped_lock lock(mutex_);
  entries_.erase(key);
  std::erase(order_, key);
}

void IdempotencyKeys::drop_old() {
  const auto oldest = std::chrono::steady_clock::now() - kKeptFor;
  while (!order_.empty()) {
    const auto first = entries_.find(order_.front());
    if (entries_.size() <= kKept && first != entries_.end() && first->second.since > oldest) return;
    if (first != entries_.end()) entries_.erase(first);
    order_.pop_front();
  }
}

void make_idempotent(const std::shared_ptr<IdempotencyKeys>& keys, Route& route) {
  Parameter key;
  key.name = "Idempotency-Key";
  key.in = ParameterIn::header;
  key.description =
      "A word of your own for this request: sent again with the same, it is answered as before and not done again.";
  key.example = "9f1c0a52-0001";
  key.max_length = kLongestKey;
  key.pattern = Pattern{"^[!-~]+$", is_key};
  route.parameters.push_back(std::move(key));
  route.problems.insert(route.problems.end(), {409, 422});
  route.handler = [keys, handler = std::make_shared<const Handler>(std::move(route.handler))](Request request) {
    return answer_once(keys, handler, std::move(request));
  };
}

}  // namespace wellhead::webserver
