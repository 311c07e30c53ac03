#include "library/webserver/client_limits.h"

#include <algorithm>

namespace wellhead::webserver {
namespace {

namespace ip = boost::asio::ip;

constexpr std::size_t kMostClients = 10'000;

double seconds(std::chrono::steady_clock::duration time) { return std::chrono::duration<double>(time).count(); }

}  // namespace

std::string counted_address(const ip::address& address) {
  if (address.is_v4()) return "address " + address.to_string();
  const ip::address_v6 whole = address.to_v6();
  if (whole.is_v4_mapped()) return "address " + ip::make_address_v4(ip::v4_mapped, whole).to_string();
  ip::address_v6::bytes_type network = whole.to_bytes();
  std::fill(network.begin() + 8, network.end(), static_cast<unsigned char>(0));
  return "address " + ip::address_v6(network).to_string();
}

bool ClientLimits::take(const std::string& client, Time now) {
  if (rate_ <= 0) return true;
  const std::scoped_lock lock(mutex_);
  if (buckets_.size() >= kMostClients) forget_idle(now);
  Bucket& bucket = buckets_.try_emplace(client, Bucket{rate_, now}).first->second;
  bucket.tokens = std::min(rate_, bucket.tokens + seconds(now - bucket.filled_at) * rate_);
  bucket.filled_at = now;
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

// A full bucket is as good as none. If too many are left, one is forgotten: that lets a client make a few more.
void ClientLimits::forget_idle(Time now) {
  std::erase_if(buckets_, [&](const auto& entry) { return seconds(now - entry.second.filled_at) >= 1; });
  if (buckets_.size() >= kMostClients) buckets_.erase(buckets_.begin());
}

bool ClientLimits::open(const std::string& client) {
  if (connections_ == 0) return true;
  const std::scoped_lock lock(mutex_);
  std::size_t& open = open_[client];
  if (open >= connections_) return false;
  ++open;
  return true;
}

void ClientLimits::close(const std::string& client) {
  if (connections_ == 0) return;
  const std::scoped_lock lock(mutex_);
  const auto found = open_.find(client);
  if (found != open_.end() && --found->second == 0) open_.erase(found);
}

}  // namespace wellhead::webserver
