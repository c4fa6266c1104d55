using System;
using MqttLink.TestRunner;

namespace MqttLink.Tests
{
    /// <summary>The checks themselves.</summary>
    public sealed class RunnerTests
    {
        [Test]
        public void Equal_compares_arrays_element_by_element()
        {
            Check.Equal(new byte[] { 1, 2 }, new byte[] { 1, 2 });
            Check.Throws<AssertionException>(() => Check.Equal(new byte[] { 1, 2 }, new byte[] { 1, 3 }));
        }

        [Test]
        [Case(1, 1, 2)]
        [Case(2, 3, 5)]
        public void Cases_bring_their_arguments(int left, int right, int sum)
        {
            Check.Equal(sum, left + right);
        }

        [Test]
        public void Throws_takes_no_other_exception()
        {
            Check.Throws<InvalidOperationException>(
                () => Check.Throws<ArgumentException>(() => throw new InvalidOperationException()));
        }
    }
}
