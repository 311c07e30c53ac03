// What one client may ask of a server: requests a second, and connections. A client is a key (by its id), or else an
// address; of IPv6 the network of 64 bits, because whoever has one address of it has all of them (RFC 6177 §2).
// Thread-safe, in bounded memory. Internal to the server.
#pragma once

#include <boost/asio/ip/address.hpp>
#include <chrono>
#include <cstddef>
#include <mutex>
#include <string>
#include <unordered_map>

namespace wellhead::webserver {

// An address as its requests are counted: "address 192.0.2.1", "address 2001:db8::".
std::string counted_address(const boost::asio::ip::address& address);

class ClientLimits {
 public:
  using Time = std::chrono::steady_clock::time_point;

  // rate: requests a second, and as many at once. 0: any number.
  ClientLimits(std::size_t rate, std::size_t connections)
      : rate_(static_cast<double>(rate)), connections_(connections) {}

  // Whether the client may make a request now, which is counted then.
  bool take(const std::string& client, Time now);

  // Whether it may have a connection more, which close() gives back then.
  bool open(const std::string& client);
  void close(const std::string& client);

 private:
  struct Bucket {
    double tokens = 0;
    Time filled_at;
  };
  void forget_idle(Time now);

  double rate_;
  std::size_t connections_;
  std::mutex mutex_;
  std::unordered_map<std::string, Bucket> buckets_;
  std::unordered_map<std::string, std::size_t> open_;
};

}  // namespace wellhead::webserver
