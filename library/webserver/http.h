// Requests and answers as handlers see them. Nothing here includes Asio or Beast.
#pragma once

#include <chrono>
#include <coroutine>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/webserver/access.h"
#include "library/webserver/arguments.h"
#include "library/webserver/task.h"

namespace wellhead::webserver {

class CursorKey;

enum class Method { get, head, post, put, patch, del, options, other };
std::string_view to_string(Method method);

using Headers = std::vector<std::pair<std::string, std::string>>;

// One of the server's threads with its event loop. A request stays on its worker from beginning to end.
class Worker {
 public:
  virtual ~Worker() = default;
  virtual std::size_t index() const = 0;
  // Runs a function on this worker's thread, soon; callable from any thread.
  virtual void post(std::function<void()> function) = 0;
  // The same after a while; on this worker's thread only.
  virtual void post_after(std::chrono::milliseconds wait, std::function<void()> function) = 0;
  // The server stops: what would go on for long should end.
  virtual bool stopping() const = 0;
};

// co_await Pause(worker, 500ms)
class Pause {
 public:
  Pause(Worker& worker, std::chrono::milliseconds wait) : worker_(worker), wait_(wait) {}
  bool await_ready() const noexcept { return false; }
  void await_suspend(std::coroutine_handle<> awaiting) {
    worker_.post_after(wait_, [awaiting] { awaiting.resume(); });
  }
  void await_resume() const noexcept {}

 private:
  Worker& worker_;
  std::chrono::milliseconds wait_;
};

struct Request {
  Method method = Method::get;
  std::string path;   // as sent, still percent-encoded
  std::string query;  // as sent, without the question mark
  Headers headers;
  std::string body;
  std::string id;       // X-Request-Id: the client's if it is well-formed, otherwise made here
  Arguments arguments;  // checked against the route's parameters
  Worker* worker = nullptr;
  PrincipalPointer principal;          // null: nobody needs a credential here
  std::string client;                  // address of the connection's other end
  const CursorKey* cursors = nullptr;  // ServerOptions::cursors

  // Header names compare without case; empty when absent.
  std::string_view header(std::string_view name) const;
};

// A body that is made while it is sent, each piece when the client has taken the one before. Made, asked and destroyed
// on the request's worker; destroyed early when the client goes away.
class BodyStream {
 public:
  virtual ~BodyStream() = default;
  // nullopt: the end. What it throws breaks the connection off, so that nobody takes the answer for whole.
  virtual Task<std::optional<std::string>> next() = 0;
  // Ids of the patients that the pieces since the last call tell something of, as in Response::patients.
  virtual std::vector<std::string> take_patients() { return {}; }
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  Headers headers;
  std::string body;
  // Ids of the patients that the body tells something of, for the audit trail; repeats do no harm.
  std::vector<std::string> patients;
  std::shared_ptr<BodyStream> stream = {};  // instead of the body

  static Response json(std::string body, int status = 200);
};

// Whether the header Accept (RFC 9110 §12.5.1) allows a content type; an empty header allows all.
bool accepts(std::string_view accept, std::string_view content_type);

// Which of the types a client likes best by its header Accept, the earlier one if equally; nullopt: none of them.
std::optional<std::size_t> best_type(std::string_view accept, std::span<const std::string_view> content_types);

// Compares ASCII without case.
bool same_name(std::string_view left, std::string_view right);

}  // namespace wellhead::webserver
