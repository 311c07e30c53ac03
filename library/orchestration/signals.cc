#include "library/orchestration/signals.h"

namespace wellhead::orchestration {

void SignalQueue::deliver(Payload payload) {
  if (receivers_.empty()) return kept_.push_back(std::move(payload));
  const auto receiver = std::move(receivers_.front());
  receivers_.pop_front();
  receiver->complete_from(payload);
}

void SignalQueue::receive(std::shared_ptr<Slot> receiver) {
  if (kept_.empty()) return receivers_.push_back(std::move(receiver));
  const Payload payload = std::move(kept_.front());
  kept_.pop_front();
  receiver->complete_from(payload);
}

void SignalQueue::fail_receivers(const std::exception_ptr& error) {
  for (const auto& receiver : std::exchange(receivers_, {})) receiver->fail(error);
}

}  // namespace wellhead::orchestration
