#include "library/storage/postgres/export_connections.h"

#include <algorithm>

#include "library/meta/error.h"

namespace wellhead::storage {

ExportConnections::Lease::~Lease() {
  if (connection_) owner_->give_back(loop_, std::move(connection_), done_);
}

void ExportConnections::add(boost::asio::io_context& context, AsyncConnectionOptions options) {
  options.counted = false;
  auto gauges = std::make_unique<PoolGauges>(options.application_name);
  loops_.push_back({.context = &context,
                    .options = std::move(options),
                    .idle = {},
                    .lent = {},
                    .closed = false,
                    .gauges = std::move(gauges)});
  show(loops_.back());
}

void ExportConnections::show(const Loop& at) const noexcept {
  at.gauges->show({.lent = static_cast<int>(at.lent.size()),
                   .idle = static_cast<int>(at.idle.size()),
                   .limit = at.closed ? 0 : static_cast<int>(limit_)});
}

ExportConnections::Lease ExportConnections::borrow(std::size_t loop) {
  Loop& at = loops_.at(loop);
  if (at.closed) throw meta::Error(meta::ErrorCode::cancelled, "the server is stopping");
  if (at.lent.size() >= limit_) {
    meta::Error busy(meta::ErrorCode::database_unreachable, "too many long answers are being sent");
    busy.set_retry_after(std::chrono::seconds(2));
    throw busy;
  }
  std::unique_ptr<AsyncConnection> connection;
  if (at.idle.empty()) {
    connection = std::make_unique<AsyncConnection>(*at.context, at.options);
  } else {
    connection = std::move(at.idle.back());
    at.idle.pop_back();
  }
  at.lent.push_back(connection.get());
  show(at);
  return {*this, loop, std::move(connection)};
}

void ExportConnections::close(std::size_t loop) {
  Loop& at = loops_.at(loop);
  at.closed = true;
  for (const auto& connection : at.idle) connection->close();
  // Whoever waits for one of these may give it back meanwhile.
  for (AsyncConnection* connection : std::vector<AsyncConnection*>(at.lent)) {
    if (std::ranges::find(at.lent, connection) != at.lent.end()) connection->close();
  }
}

void ExportConnections::give_back(std::size_t loop, std::unique_ptr<AsyncConnection> connection, bool keep) {
  Loop& at = loops_.at(loop);
  std::erase(at.lent, connection.get());
  if (keep && !at.closed) {
    at.idle.push_back(std::move(connection));
  } else {
    connection->close();
  }
  show(at);
}

}  // namespace wellhead::storage
