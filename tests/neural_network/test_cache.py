from skviann.neural_network import _cache


def test_a_cache_gives_each_thing_to_one_and_forgets_the_oldest():
    cache = _cache.Cache()
    assert cache.take("a") is None
    for number in range(_cache._MAX_KEPT):
        cache.put("a", number)
    assert cache.take("a") == _cache._MAX_KEPT - 1  # the latest
    cache.put("b", "one")
    cache.put("c", "two")  # no room is left: the first "a" goes
    assert len(cache) == _cache._MAX_KEPT
    left = [cache.take("a") for _ in range(_cache._MAX_KEPT)]
    assert left == [*reversed(range(1, _cache._MAX_KEPT - 1)), None, None]
    assert (cache.take("c"), cache.take("b"), cache.take("b")) == ("two", "one", None)
    cache.put("a", 0)
    cache.clear()
    assert len(cache) == 0
