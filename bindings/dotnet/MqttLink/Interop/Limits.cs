using System;
using System.Threading;

namespace MqttLink.Interop
{
    /// <summary>Durations on their way into the library.</summary>
    internal static class Limits
    {
        internal const long Forever = -1;
        internal const long Default = -2;

        internal static long Milliseconds(TimeSpan time, string name)
        {
            if (time == Timeout.InfiniteTimeSpan)
            {
                return Forever;
            }
            if (time < TimeSpan.Zero)
            {
                throw new ArgumentOutOfRangeException(
                    name, time, "a time is not negative; Timeout.InfiniteTimeSpan means for ever");
            }
            return (long)Math.Ceiling(time.TotalMilliseconds);
        }

        /// <summary>Milliseconds of a setting: 0 to about 49 days.</summary>
        internal static uint Setting(TimeSpan time, string name)
        {
            var milliseconds = Math.Ceiling(time.TotalMilliseconds);
            return milliseconds >= 0 && milliseconds <= uint.MaxValue
                ? (uint)milliseconds
                : throw new ArgumentOutOfRangeException(name, time, "a time from 0 to 49 days is needed");
        }

        internal static ushort Seconds(TimeSpan time, string name)
        {
            var seconds = Math.Ceiling(time.TotalSeconds);
            return seconds >= 0 && seconds <= ushort.MaxValue
                ? (ushort)seconds
                : throw new ArgumentOutOfRangeException(name, time, "a time from 0 to 65,535 seconds is needed");
        }

        internal static ushort Short(int number, string name)
        {
            return number >= 0 && number <= ushort.MaxValue
                ? (ushort)number
                : throw new ArgumentOutOfRangeException(name, number, "a number from 0 to 65,535 is needed");
        }

        internal static UIntPtr Bytes(long number, string name)
        {
            return number >= 0
                ? (UIntPtr)(ulong)number
                : throw new ArgumentOutOfRangeException(name, number, "a number of bytes is not negative");
        }
    }
}
