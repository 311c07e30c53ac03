#include "library/webserver/testing/raw_client.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

namespace wellhead::webserver::testing {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

RawResponse parse_head(std::string_view head) {
  RawResponse response;
  auto end = head.find("\r\n");
  const std::string_view line = head.substr(0, end);
  if (!line.starts_with("HTTP/1.1 ")) throw std::runtime_error("no status line: " + std::string(line));
  response.status = std::stoi(std::string(line.substr(9, 3)));
  response.reason = line.substr(std::min<std::size_t>(13, line.size()));
  while (end != std::string_view::npos) {
    head.remove_prefix(end + 2);
    end = head.find("\r\n");
    const std::string_view field = head.substr(0, end);
    const auto colon = field.find(": ");
    if (colon == std::string_view::npos) continue;
    response.headers[lower(std::string(field.substr(0, colon)))] = field.substr(colon + 2);
  }
  return response;
}

}  // namespace

std::string RawResponse::header(const std::string& name) const {
  const auto found = headers.find(lower(name));
  return found == headers.end() ? "" : found->second;
}

RawClient::RawClient(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  const timeval limit{10, 0};
  setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
  setsockopt(socket_, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
    close(socket_);
    throw std::runtime_error("cannot connect");
  }
}

RawClient::~RawClient() { close(socket_); }

void RawClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("the server takes no more");
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

void RawClient::finish_sending() { shutdown(socket_, SHUT_WR); }

bool RawClient::fill() {
  char piece[16384];
  const auto received = recv(socket_, piece, sizeof piece, 0);
  if (received < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
    throw std::runtime_error("no answer within ten seconds");
  if (received <= 0) return false;
  buffer_.append(piece, static_cast<std::size_t>(received));
  return true;
}

std::optional<RawResponse> RawClient::read(bool head) {
  std::size_t end = 0;
  while ((end = buffer_.find("\r\n\r\n")) == std::string::npos) {
    if (!fill()) return std::nullopt;
  }
  RawResponse response = parse_head(std::string_view(buffer_).substr(0, end));
  buffer_.erase(0, end + 4);
  if (!head && response.header("transfer-encoding") == "chunked") {
    if (!read_chunks(response.body)) return std::nullopt;
    return response;
  }
  const std::string length = response.header("content-length");
  const std::size_t size = head || length.empty() ? 0 : std::stoul(length);
  while (buffer_.size() < size) {
    if (!fill()) return std::nullopt;
  }
  response.body = buffer_.substr(0, size);
  buffer_.erase(0, size);
  return response;
}

bool RawClient::read_chunks(std::string& body) {
  for (std::size_t size = 1; size != 0;) {
    std::size_t end = 0;
    while ((end = buffer_.find("\r\n")) == std::string::npos) {
      if (!fill()) return false;
    }
    size = std::stoul(buffer_.substr(0, end), nullptr, 16);
    while (buffer_.size() < end + size + 4) {
      if (!fill()) return false;
    }
    body.append(buffer_, end + 2, size);
    buffer_.erase(0, end + size + 4);
  }
  return true;
}

std::string RawClient::read_until(std::string_view mark) {
  while (buffer_.find(mark) == std::string::npos) {
    if (!fill()) throw std::runtime_error("the connection ended first");
  }
  const std::size_t end = buffer_.find(mark) + mark.size();
  std::string bytes = buffer_.substr(0, end);
  buffer_.erase(0, end);
  return bytes;
}

std::string RawClient::read_to_end() {
  while (fill()) {
  }
  return std::exchange(buffer_, {});
}

RawResponse RawClient::get(const std::string& target, const std::string& headers) {
  return request("GET", target, headers);
}

RawResponse RawClient::request(const std::string& method, const std::string& target, const std::string& headers,
                               const std::string& body) {
  std::string text = method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n" + headers;
  if (!body.empty()) text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
  send(text + "\r\n" + body);
  auto response = read(method == "HEAD");
  if (!response) throw std::runtime_error("the connection ended without an answer");
  return std::move(*response);
}

RawResponse get(std::uint16_t port, const std::string& target, const std::string& headers) {
  return RawClient(port).get(target, headers);
}

RawResponse post_json(std::uint16_t port, const std::string& target, const std::string& body) {
  return RawClient(port).request("POST", target, "Content-Type: application/json\r\n", body);
}

}  // namespace wellhead::webserver::testing
