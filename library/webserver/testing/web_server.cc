#include "library/webserver/testing/web_server.h"

#include <chrono>
#include <functional>
#include <stdexcept>
#include <utility>

#include "library/meta/error.h"

namespace wellhead::webserver::testing {
namespace {

using std::chrono::milliseconds;

Task<Response> echo(Request request) {
  std::string text(request.arguments.text("id").value_or("-"));
  text += "/" + std::string(request.arguments.text("word").value_or("-"));
  text += "/" + std::to_string(request.arguments.integer("limit"));
  Response response;
  response.content_type = "text/plain";
  response.body = std::move(text);
  co_return response;
}

Task<Response> add(Request request) {
  co_return Response::json("{\"word\":\"" + std::string(*request.arguments.text("word")) + "\"}", 202);
}

Task<Response> fail(Request request) {
  if (request.arguments.text("id") == "known") {
    meta::Error error(meta::ErrorCode::database_unreachable, "secret-host does not answer");
    error.set_retry_after(milliseconds(2'500));
    throw error;
  }
  throw std::runtime_error("secret detail");
}

Task<Response> large(Request) {
  Response response;
  response.content_type = "text/plain";
  response.body.assign(8 << 20, 'x');
  co_return response;
}

Task<Response> wait(BlockingPool* pool, Gate* gate, Request request) {
  std::function<int()> work = [gate] {
    gate->entered.set_value();
    gate->opened.wait();
    return 7;
  };
  auto running = pool->run<int>(*request.worker, std::move(work));
  const int number = co_await running;
  co_return Response::json(std::to_string(number));
}

Route route(std::string path, std::vector<Parameter> parameters, Handler handler,
            std::string content_type = "text/plain") {
  Route out;
  out.path = std::move(path);
  out.operation_id = "operation" + out.path;
  out.parameters = std::move(parameters);
  out.responses = {{.description = "An answer.", .content_type = std::move(content_type)}};
  out.handler = std::move(handler);
  return out;
}

Parameter path_parameter(std::string name) {
  Parameter out;
  out.name = std::move(name);
  out.in = ParameterIn::path;
  return out;
}

}  // namespace

WebServer::WebServer() : table_({.title = "Test", .version = "1"}), pool_(1, 4) {
  Parameter word{.name = "word"};
  Parameter limit{.name = "limit", .type = ParameterType::integer, .minimum = 1, .maximum = 100, .fallback = 10};
  table_.add(route("/echo/{id}", {path_parameter("id"), word, limit}, echo));
  table_.add(route("/fail/{id}", {path_parameter("id")}, fail, "application/json"));
  table_.add(route("/large", {}, large));
  table_.add(route(
      "/wait", {}, [this](Request request) { return wait(&pool_, &gate_, std::move(request)); }, "application/json"));
  Route post = route("/words", {}, add, "application/json");
  post.method = Method::post;
  post.operation_id = "post";
  Parameter body_word{.name = "word", .in = ParameterIn::body, .required = true};
  post.parameters = {body_word};
  table_.add(std::move(post));
  options_.listen = "127.0.0.1:0";
  options_.threads = 2;
  options_.on_request = [this](const RequestRecord& record) {
    const std::scoped_lock lock(mutex_);
    records_.push_back(std::string(to_string(record.method)) + " " + std::string(record.route) + " " +
                       std::to_string(record.status) + " " + std::string(record.error));
  };
}

}  // namespace wellhead::webserver::testing
