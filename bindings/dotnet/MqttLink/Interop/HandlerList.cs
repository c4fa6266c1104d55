using System;

namespace MqttLink.Interop
{
    /// <summary>The handlers of an event. Each is called even if another one throws.</summary>
    internal sealed class HandlerList<T>
    {
        private readonly object gate = new object();
        private volatile EventHandler<T>[] handlers = Array.Empty<EventHandler<T>>();

        internal bool IsEmpty => handlers.Length == 0;

        internal void Add(EventHandler<T> handler)
        {
            if (handler == null)
            {
                return;
            }
            lock (gate)
            {
                var longer = new EventHandler<T>[handlers.Length + 1];
                handlers.CopyTo(longer, 0);
                longer[handlers.Length] = handler;
                handlers = longer;
            }
        }

        internal void Remove(EventHandler<T> handler)
        {
            lock (gate)
            {
                var place = Array.LastIndexOf(handlers, handler);
                if (place < 0)
                {
                    return;
                }
                var shorter = new EventHandler<T>[handlers.Length - 1];
                Array.Copy(handlers, 0, shorter, 0, place);
                Array.Copy(handlers, place + 1, shorter, place, shorter.Length - place);
                handlers = shorter;
            }
        }

        /// <summary>Calls each handler; what one throws goes to <paramref name="report"/>.</summary>
        internal void Raise(object sender, T arguments, Action<Exception> report)
        {
            foreach (var handler in handlers)
            {
                try
                {
                    handler(sender, arguments);
                }
                catch (Exception exception)
                {
                    report(exception);
                }
            }
        }
    }
}
