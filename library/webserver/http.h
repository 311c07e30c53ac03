// Requests and answers as handlers see them. Nothing here includes Asio or Beast.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "library/webserver/access.h"
#include "library/webserver/arguments.h"

namespace wellhead::webserver {

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
  PrincipalPointer principal;  // null: nobody needs a credential here
  std::string client;          // address of the connection's other end

  // Header names compare without case; empty when absent.
  std::string_view header(std::string_view name) const;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  Headers headers;
  std::string body;
  // Ids of the patients that the body tells something of, for the audit trail; repeats do no harm.
  std::vector<std::string> patients;

  static Response json(std::string body, int status = 200);
};

// Whether the header Accept (RFC 9110 §12.5.1) allows a content type; an empty header allows all.
bool accepts(std::string_view accept, std::string_view content_type);

// Compares ASCII without case.
bool same_name(std::string_view left, std::string_view right);

}  // namespace wellhead::webserver
