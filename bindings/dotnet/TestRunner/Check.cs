using System;
using System.Collections;
using System.Diagnostics;
using System.Linq;
using System.Threading;

namespace MqttLink.TestRunner
{
    /// <summary>What tests say about what they see.</summary>
    public static class Check
    {
        /// <summary>The condition holds.</summary>
        public static void True(bool condition, string what = "the condition")
        {
            if (!condition)
            {
                throw new AssertionException(what + " does not hold");
            }
        }

        /// <summary>Both are equal; arrays and lists element by element.</summary>
        public static void Equal(object expected, object actual, string what = "the value")
        {
            if (!AreEqual(expected, actual))
            {
                throw new AssertionException(
                    what + " is " + Show(actual) + " where " + Show(expected) + " was expected");
            }
        }

        /// <summary>The action throws an exception of this type, which is returned.</summary>
        public static T Throws<T>(Action action) where T : Exception
        {
            try
            {
                action();
            }
            catch (T exception)
            {
                return exception;
            }
            throw new AssertionException("no " + typeof(T).Name + " was thrown");
        }

        /// <summary>The event is signalled in time.</summary>
        public static void Signalled(WaitHandle handle, string what, int seconds = 10)
        {
            if (!handle.WaitOne(TimeSpan.FromSeconds(seconds)))
            {
                throw new AssertionException(what + " did not happen within " + seconds + " s");
            }
        }

        /// <summary>The condition comes to hold in time. For what nothing tells of; looks every millisecond.</summary>
        public static void Eventually(Func<bool> condition, string what, int seconds = 10)
        {
            var clock = Stopwatch.StartNew();
            while (!condition())
            {
                if (clock.Elapsed > TimeSpan.FromSeconds(seconds))
                {
                    throw new AssertionException(what + " did not come about within " + seconds + " s");
                }
                Thread.Sleep(1);
            }
        }

        /// <summary>
        /// What the function measures, in milliseconds, is within the limit at least once in five times: what a busy
        /// machine adds comes and goes, what the code itself takes does not.
        /// </summary>
        public static void Within(int milliseconds, string what, Func<long> measure)
        {
            var least = long.MaxValue;
            for (var round = 0; round < 5 && least > milliseconds; round++)
            {
                least = Math.Min(least, measure());
            }
            if (least > milliseconds)
            {
                throw new AssertionException(
                    what + " took at least " + least + " ms where " + milliseconds + " ms were allowed");
            }
        }

        private static bool AreEqual(object expected, object actual)
        {
            if (expected is IEnumerable first && actual is IEnumerable second
                && !(expected is string) && !(actual is string))
            {
                var left = first.Cast<object>().ToArray();
                var right = second.Cast<object>().ToArray();
                return left.Length == right.Length && left.Zip(right, AreEqual).All(same => same);
            }
            return Equals(expected, actual);
        }

        private static string Show(object value)
        {
            if (value == null)
            {
                return "null";
            }
            if (value is string text)
            {
                return "\"" + text + "\"";
            }
            return value is IEnumerable items
                ? "[" + string.Join(", ", items.Cast<object>().Take(40).Select(Show)) + "]"
                : value.ToString();
        }
    }
}
