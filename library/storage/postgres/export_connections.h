// Connections for long answers, so that no short one waits behind them: a few for each of a server's event loops, made
// when they are first needed and kept.
//
//   ExportConnections::Lease lease = exports.borrow(loop);
//   auto query = lease->query(statement);  …
//
// A connection is kept only if its lease was said to be done with; any other may be in the midst of something, and is
// closed. Everything but add() is called on the loop's thread.
#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "library/storage/postgres/async_connection.h"
#include "library/storage/postgres/pool_gauges.h"

namespace wellhead::storage {

class ExportConnections {
 public:
  class Lease {
   public:
    Lease(ExportConnections& owner, std::size_t loop, std::unique_ptr<AsyncConnection> connection)
        : owner_(&owner), loop_(loop), connection_(std::move(connection)) {}
    ~Lease();
    Lease(Lease&&) noexcept = default;
    Lease& operator=(Lease&&) = delete;
    AsyncConnection* operator->() const { return connection_.get(); }
    AsyncConnection& operator*() const { return *connection_; }
    // No transaction is open and no query under way.
    void done() { done_ = true; }

   private:
    ExportConnections* owner_;
    std::size_t loop_;
    std::unique_ptr<AsyncConnection> connection_;
    bool done_ = false;
  };

  // limit: for each loop.
  explicit ExportConnections(std::size_t limit) : limit_(limit) {}

  // Call once for each loop, in order, before any runs.
  void add(boost::asio::io_context& context, AsyncConnectionOptions options);
  // Error{database_unreachable} with retry_after: all are lent.
  Lease borrow(std::size_t loop);
  // Closes all of them, and lends none any more: what is under way fails with Error{cancelled}.
  void close(std::size_t loop);

 private:
  struct Loop {
    boost::asio::io_context* context;
    AsyncConnectionOptions options;
    std::vector<std::unique_ptr<AsyncConnection>> idle;
    std::vector<AsyncConnection*> lent;
    bool closed = false;
    std::unique_ptr<PoolGauges> gauges;
  };
  void show(const Loop& at) const noexcept;
  void give_back(std::size_t loop, std::unique_ptr<AsyncConnection> connection, bool keep);

  std::size_t limit_;
  std::vector<Loop> loops_;
};

}  // namespace wellhead::storage
