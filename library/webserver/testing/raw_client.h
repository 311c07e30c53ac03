// A client for tests that sends exactly the bytes it is given, well-formed or not, over a blocking socket.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace wellhead::webserver::testing {

struct RawResponse {
  int status = 0;
  std::string reason;
  std::map<std::string, std::string> headers;  // names in lower case
  std::string body;

  std::string header(const std::string& name) const;
};

class RawClient {
 public:
  // Connects to 127.0.0.1. Every wait ends after ten seconds with an exception.
  explicit RawClient(std::uint16_t port);
  ~RawClient();
  RawClient(const RawClient&) = delete;
  RawClient& operator=(const RawClient&) = delete;

  void send(std::string_view bytes);
  void finish_sending();
  // nullopt: the connection ended first, in the midst of a chunked body too. Answers to HEAD have a length but no body.
  std::optional<RawResponse> read(bool head = false);
  // The raw bytes up to and with the mark.
  std::string read_until(std::string_view mark);
  // Everything until the server closes.
  std::string read_to_end();

  // One request and its answer.
  RawResponse get(const std::string& target, const std::string& headers = {});
  RawResponse request(const std::string& method, const std::string& target, const std::string& headers = {},
                      const std::string& body = {});

 private:
  bool fill();
  bool read_chunks(std::string& body);

  int socket_ = -1;
  std::string buffer_;
};

// On a connection of its own.
RawResponse get(std::uint16_t port, const std::string& target, const std::string& headers = {});
RawResponse post_json(std::uint16_t port, const std::string& target, const std::string& body);

}  // namespace wellhead::webserver::testing
