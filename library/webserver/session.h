// One client's connection: reads requests one after another, has them answered, writes the answers. Internal to the
// server; lives on one worker's thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <chrono>
#include <memory>
#include <string>

#include "library/webserver/incoming_request.h"
#include "library/webserver/problem.h"
#include "library/webserver/route.h"
#include "library/webserver/server.h"
#include "library/webserver/task.h"
#include "library/webserver/tls.h"

namespace wellhead::webserver {

class WorkerLoop;

using SteadyTime = std::chrono::steady_clock::time_point;
using Socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

class Session {
 public:
  // counted: the client that it is counted of (ClientLimits); empty: of none.
  Session(WorkerLoop& worker, Socket socket, std::string counted);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Serves until the connection ends, then frees the session.
  static Detached serve(std::unique_ptr<Session> session);

  // Called by the worker's sweep: gives up what has taken too long.
  void check_deadline(SteadyTime now);
  // No further request; an idle connection ends now, one that is being answered after its answer.
  void finish();
  // Ends now, whatever is under way.
  void cut();

 private:
  enum class Phase { idle, header, body, answering, writing, draining };
  enum class Read { complete, closed, refused };

  // A request as it came, and what the connection needs to know of it.
  struct Incoming {
    Request request;  // gone once a handler has it
    std::string id;
    std::string traceparent;  // as sent
    Method method = Method::other;
    bool keep_alive = false;
    bool chunks = true;  // the client understands chunked transfer coding
    PrincipalPointer principal;
    std::string origin;  // that may read the answer (CORS)
    Problem problem;     // when refused; status 0: nothing to say
  };

  Task<void> run();
  Task<bool> shake_hands();
  Task<Read> read_request(Incoming& incoming);
  Task<Read> read_message(RequestParser& parser, Incoming& incoming);
  Task<bool> read_some();
  Task<bool> invite_body(RequestParser& parser);
  Task<Response> answer(Incoming& incoming, const Route*& route, std::string& error);
  Task<Response> let_in(Incoming& incoming, const Route*& route);
  bool too_often(const Verdict* verdict) const;
  bool disclose(const std::vector<std::string>& patients, const Route* route, const Incoming& incoming) const;
  Task<bool> write(Incoming& incoming, const Route* route, Response response, std::string& error);
  Task<bool> write_stream(std::shared_ptr<BodyStream> stream, const Route* route, const Incoming* incoming,
                          std::string* error);
  Task<void> drain();
  template <class Buffers, class Handler>
  void start_write(const Buffers& buffers, Handler handler);  // session_write.h
  void enter(Phase phase, std::chrono::milliseconds limit);
  Read refuse(Incoming& incoming, Problem problem) const;

  WorkerLoop& worker_;
  Socket socket_;
  TlsContext tls_context_;                                  // null: no TLS
  std::unique_ptr<boost::asio::ssl::stream<Socket&>> tls_;  // over socket_
  std::string client_;
  std::string counted_;
  boost::beast::flat_buffer buffer_;
  Phase phase_ = Phase::idle;
  SteadyTime deadline_ = SteadyTime::max();
  bool timed_out_ = false;
  std::size_t streamed_bytes_ = 0;
  bool finishing_ = false;
};

// What the table says of a request before its handler is called, in two steps: who may have the route is decided
// between them, so that nobody learns from complaints about arguments.
struct Admission {
  RouteTable::Match match;
  const Route* route = nullptr;
  std::optional<Response> response;  // when the handler is not to be called
};
Admission find_route(const RouteTable& table, const Request& request);
// Fetch Standard, "CORS protocol": origin becomes the request's if it is one of these; a preflight is answered.
void allow_origin(const std::vector<std::string>& origins, const Request& request, Admission& admission,
                  std::string& origin);
// Fills in the arguments, or gives the problem.
std::optional<Response> check_request(const Admission& admission, Request& request);

}  // namespace wellhead::webserver
