#include "library/orchestration/future.h"

namespace wellhead::orchestration {

void ReadyQueue::drain() {
  while (!handles_.empty()) {
    const std::coroutine_handle<> next = handles_.front();
    handles_.pop_front();
    next.resume();
  }
}

void Slot::fail(std::exception_ptr error) {
  error_ = std::move(error);
  settle();
}

void Slot::complete_from(const Payload& payload) {
  try {
    decode(payload);
  } catch (...) {
    error_ = std::current_exception();
  }
  settle();
}

void Slot::settle() {
  if (settled_) return;
  settled_ = true;
  const auto actions = std::exchange(actions_, {});
  for (const auto& [key, action] : actions) action();
}

void Slot::on_settled(const void* key, std::function<void()> action) {
  if (settled_) return action();
  actions_.emplace_back(key, std::move(action));
}

void Slot::withdraw(const void* key) {
  std::erase_if(actions_, [key](const auto& registered) { return registered.first == key; });
}

AnyAwaiter::AnyAwaiter(std::vector<std::shared_ptr<Slot>> slots) : slots_(std::move(slots)) {
  if (slots_.empty()) throw meta::Error(meta::ErrorCode::internal, "a workflow waits for any of no steps");
}

std::size_t AnyAwaiter::first_settled() const {
  const auto found = std::ranges::find_if(slots_, [](const auto& slot) { return slot->settled(); });
  return static_cast<std::size_t>(found - slots_.begin());
}

void AnyAwaiter::await_suspend(std::coroutine_handle<> waiting) {
  for (const auto& slot : slots_) {
    slot->on_settled(this, [this, waiting] { wake(waiting); });
  }
}

// Several of the futures may settle before the coroutine is resumed: only the first may queue it.
void AnyAwaiter::wake(std::coroutine_handle<> waiting) {
  if (std::exchange(woken_, true)) return;
  for (const auto& slot : slots_) slot->withdraw(this);
  slots_[first_settled()]->queue().push(waiting);
}

}  // namespace wellhead::orchestration
